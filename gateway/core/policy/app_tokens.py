"""Owns where an app's own credential stands in a request. Whether it is good, only the app knows: it lets in nobody as
somebody, and Bastion never takes it away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.policy.key_places import KEY_PREFIX, KeyPlaces

AUTHORIZATION: Final = b"authorization"
_BASIC: Final = b"basic "


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """name: in lower case. starts: how its value begins, in lower case too; schemes have no case (RFC 9110, 11.1)."""

    name: bytes
    starts: bytes = b""

    def holds(self, value: bytes) -> bool:
        """Whether something follows what the value begins with. A key of Bastion's own is none of the app's."""
        length = len(self.starts)
        rest = value[length:].strip(b" \t")
        return rest != b"" and value[:length].lower() == self.starts and rest[:4] != KEY_PREFIX

    def may_be(self, scheme: bytes) -> bool:
        """Whether credentials of the scheme may begin so. scheme: in lower case."""
        whole = scheme + b" "
        return whole.startswith(self.starts) or self.starts.startswith(whole)


@dataclass(frozen=True, slots=True)
class AppToken:
    """One place is enough. parameters: of the query, to the letter."""

    name: str
    headers: tuple[TokenHeader, ...] = ()
    parameters: frozenset[str] = frozenset()

    @property
    def is_basic(self) -> bool:
        """Whether clients wait to be asked for it, and browsers then send it by themselves (RFC 7617)."""
        return any(one.name == AUTHORIZATION and one.starts[: len(_BASIC)] == _BASIC for one in self.headers)

    def is_in(self, lines: Iterable[tuple[bytes, bytes]], query: str) -> bool:
        """lines: headers with their names in lower case. query: raw."""
        for name, value in lines:
            for one in self.headers:
                if one.name == name and one.holds(value):
                    return True
        return bool(self.parameters) and any(_is_given(part, self.parameters) for part in query.split("&"))

    def clash(self, kinds: frozenset[str], places: KeyPlaces) -> str:
        """Where a credential of Bastion's is looked for too, "" where none is. kinds: of Route.credentials."""
        for one in self.headers:
            if one.name != AUTHORIZATION:
                if one.name.decode() in places.headers:
                    return one.name.decode()
            elif (kinds & {"bearer"} or places.bearer) and one.may_be(b"bearer"):
                return "Authorization: Bearer"
            elif kinds & {"dpop"} and one.may_be(b"dpop"):
                return "Authorization: DPoP"
            elif places.basic and one.may_be(b"basic"):
                return "Authorization: Basic"
        return ""


def app_tokens_in(tokens: Iterable[AppToken], lines: Iterable[tuple[bytes, bytes]], query: str) -> frozenset[str]:
    """Names of those that are there. lines, query: as in AppToken.is_in."""
    return frozenset([token.name for token in tokens if token.is_in(lines, query)])


def _is_given(part: str, parameters: frozenset[str]) -> bool:
    name, _, value = part.partition("=")
    return value != "" and name in parameters
