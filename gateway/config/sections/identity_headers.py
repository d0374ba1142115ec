"""Owns the section `identity_headers`."""

from collections.abc import Iterator

from pydantic import StrictBool

from gateway.config.setting import Finding, Grade, Section, setting


class IdentityHeaders(Section):
    """What protected apps are told; always all of a set, empty where nobody is logged in."""

    remote: StrictBool = setting(
        True, "Remote-User, Remote-Groups, Remote-Name, Remote-Email.", "true or false", kind="scalar"
    )
    x_auth_request: StrictBool = setting(
        False, "X-Auth-Request-User and its relatives, as oauth2-proxy sends them.", "true or false", kind="scalar"
    )

    def findings(self) -> Iterator[Finding]:
        if not self.remote and not self.x_auth_request:
            message = (
                "is false, and so is identity_headers.x_auth_request: no app learns who is logged in; expected one"
            )
            yield Finding("identity_headers.remote", message, Grade.DOUBTFUL)
