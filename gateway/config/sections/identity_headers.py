"""Owns the section `identity_headers`."""

from pydantic import StrictBool

from gateway.config.setting import Section, setting


class IdentityHeaders(Section):
    """What protected apps are told; always all of a set, empty where nobody is logged in."""

    remote: StrictBool = setting(
        True, "Remote-User, Remote-Groups, Remote-Name, Remote-Email.", "true or false", kind="scalar"
    )
    x_auth_request: StrictBool = setting(
        False, "X-Auth-Request-User and its relatives, as oauth2-proxy sends them.", "true or false", kind="scalar"
    )
