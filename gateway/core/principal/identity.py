"""Turns sealed person records into what policy judges and what the app is told, each record once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from gateway.core.header_lines import header_line
from gateway.core.remembered import Remembered
from gateway.core.session.person import Person, unseal

_MOST_KNOWN: Final = 8192
ASSERTION: Final = "X-Bastion-Assertion"  # for apps that verify: core/forward/assertion.py
_TELLING: Final = frozenset({"groups", "profile", "email"})  # OpenID Connect Core section 5.4, and groups
PersonField = Literal["user", "groups", "name", "email"]
_REMOTE: Final[dict[str, PersonField]] = {
    "Remote-User": "user",
    "Remote-Groups": "groups",
    "Remote-Name": "name",
    "Remote-Email": "email",
}
_X_AUTH_REQUEST: Final[dict[str, PersonField]] = {
    "X-Auth-Request-User": "user",
    "X-Auth-Request-Groups": "groups",
    "X-Auth-Request-Preferred-Username": "name",
    "X-Auth-Request-Email": "email",
}


def subject_of(user_id: UUID) -> str:
    """`sub` of all that is issued. No client's id begins so (RFC 9068 section 5)."""
    return f"u_{user_id.hex}"


def as_told(person: Person, scopes: frozenset[str]) -> Person:
    """What a token of these scopes lets the app hear: who it is, and more only by a scope for it (oauth.md O23)."""
    return replace(
        person,
        groups=person.groups if "groups" in scopes else (),
        name=person.name if "profile" in scopes else "",
        email=person.email if "email" in scopes else "",
    )


def identity_headers(*, remote: bool, x_auth_request: bool, also: Mapping[str, PersonField]) -> dict[str, PersonField]:
    """What apps are told, by the header that tells it. also: of the operator's, by any name."""
    return {**(_REMOTE if remote else {}), **(_X_AUTH_REQUEST if x_auth_request else {}), **also}


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Compared by identity: one record is opened once. block: the identity headers, ready to be written."""

    person: Person
    groups: frozenset[str]
    block: bytes


class People:
    """A bounded memory of a pure function: the same sealed bytes are always the same person."""

    def __init__(self, key: bytes, headers: Mapping[str, PersonField]) -> None:
        """headers: see identity_headers."""
        self._key = key
        self._headers = dict(headers)
        self.names: Final = frozenset({*headers, ASSERTION})
        self._known: Final = Remembered[tuple[str, bytes], Known](_MOST_KNOWN)
        self._told: Final = Remembered[tuple[Known, frozenset[str]], bytes](_MOST_KNOWN)
        self.nobody: Final = self._block("", "", "", "")

    def open(self, tag: str, sealed: bytes) -> Known:
        """Raises ForgedPerson, which is not remembered."""
        found = self._known.get((tag, sealed))
        return self._known.keep((tag, sealed), self._open(tag, sealed)) if found is None else found

    def block_for(self, known: Known, scopes: frozenset[str]) -> bytes:
        """The identity headers of who came in by a token of these scopes, see as_told."""
        asked = (known, scopes & _TELLING)
        found = self._told.get(asked)
        return self._told.keep(asked, self._block_of(as_told(known.person, asked[1]))) if found is None else found

    def _open(self, tag: str, sealed: bytes) -> Known:
        person = unseal(self._key, tag, sealed)
        return Known(person, frozenset(person.groups), self._block_of(person))

    def _block_of(self, person: Person) -> bytes:
        return self._block(person.username, ",".join(person.groups), person.name, person.email)

    def _block(self, user: str, groups: str, name: str, email: str) -> bytes:
        """All of a set every time, empty where nobody is logged in (caddy.md fact 8)."""
        values: dict[PersonField, str] = {"user": user, "groups": groups, "name": name, "email": email}
        return b"".join(header_line(header, values[claim]) for header, claim in self._headers.items())
