"""Turns sealed person records into what policy judges and what the app is told, each record once."""

from dataclasses import dataclass
from typing import Final

from gateway.core.header_lines import header_line
from gateway.core.remembered import Remembered
from gateway.core.session.person import Person, unseal

_MOST_KNOWN: Final = 8192
_REMOTE: Final = ("Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email")
_X_AUTH_REQUEST: Final = (
    "X-Auth-Request-User",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-Email",
)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Compared by identity: one record is opened once. block: the identity headers, ready to be written."""

    person: Person
    groups: frozenset[str]
    block: bytes


class People:
    """A bounded memory of a pure function: the same sealed bytes are always the same person."""

    def __init__(self, key: bytes, *, remote: bool, x_auth_request: bool) -> None:
        self._key = key
        self._sets = [names for names, wanted in ((_REMOTE, remote), (_X_AUTH_REQUEST, x_auth_request)) if wanted]
        self._known: Final = Remembered[tuple[str, bytes], Known](_MOST_KNOWN)
        self.nobody: Final = self._block("", "", "", "")

    def open(self, tag: str, sealed: bytes) -> Known:
        """Raises ForgedPerson, which is not remembered."""
        found = self._known.get((tag, sealed))
        return self._known.keep((tag, sealed), self._open(tag, sealed)) if found is None else found

    def _open(self, tag: str, sealed: bytes) -> Known:
        person = unseal(self._key, tag, sealed)
        block = self._block(person.username, ",".join(person.groups), person.name, person.email)
        return Known(person, frozenset(person.groups), block)

    def _block(self, user: str, groups: str, name: str, email: str) -> bytes:
        """All of a set every time, empty where nobody is logged in (caddy.md fact 8)."""
        values = (user, groups, name, email)
        return b"".join(
            header_line(header, value) for names in self._sets for header, value in zip(names, values, strict=True)
        )
