"""Owns the section `identity_headers`."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictStr

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.core.forward.names import is_taken
from gateway.core.principal.identity import PersonField, identity_headers

_KEY: Final = "identity_headers"
_OURS: Final = ("x-bastion", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-method",
                "x-forwarded-uri", "x-request-id")  # fmt: skip
HeaderName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]


class IdentityHeaders(Section):
    """The identity that apps get. All headers of a set are always there, empty for an anonymous client."""

    remote: StrictBool = setting(
        True, "Remote-User, Remote-Groups, Remote-Name, Remote-Email.", "true or false", kind="scalar"
    )
    x_auth_request: StrictBool = setting(
        False, "X-Auth-Request-User and the other headers of oauth2-proxy.", "true or false", kind="scalar"
    )
    also: dict[HeaderName, PersonField] = setting(
        {},
        "More headers, for apps that read other names. For example Grafana: {X-WebAuth-User: user}.",
        "a map of header names to user, groups, name or email",
        kind="map",
    )
    passed: Annotated[tuple[HeaderName, ...], Field(alias="pass")] = setting(
        (),
        "Headers that Bastion no longer removes from clients' requests. Any client can forge them.",
        "a list of header names",
        kind="list",
    )

    def by_name(self) -> dict[str, PersonField]:
        """What apps are told, by the header that tells it."""
        return identity_headers(remote=self.remote, x_auth_request=self.x_auth_request, also=self.also)

    def let_through(self) -> frozenset[bytes]:
        """Names in lower case."""
        return frozenset(name.lower().encode() for name in self.passed)

    def findings(self) -> Iterator[Finding]:
        if not self.by_name():
            message = (
                "is false, and so is identity_headers.x_auth_request: no app learns who is logged in; expected one"
            )
            yield Finding(f"{_KEY}.remote", message, Grade.DOUBTFUL)
        names = {name.lower() for name in self.by_name()}
        if len(names) != len(self.by_name()):
            yield Finding(
                f"{_KEY}.also", "names a header twice; expected each once, in upper or lower case", Grade.WRONG
            )
        for name in self.also:
            if name.lower().startswith(_OURS):
                yield Finding(
                    f"{_KEY}.also", f"names {name}, which the proxy itself sets; expected another", Grade.WRONG
                )
        for name in self.passed:
            lowered = name.lower()
            if lowered in names or lowered.startswith(_OURS):
                yield Finding(f"{_KEY}.pass", f"names {name}, which Bastion itself sets; remove it here", Grade.WRONG)
            elif not is_taken(lowered.encode()):
                yield Finding(f"{_KEY}.pass", f"names {name}, which reaches apps anyway; remove it here", Grade.WRONG)
            else:
                yield Finding(f"{_KEY}.pass", f"lets every client forge {name} to all apps", Grade.DOUBTFUL)
