"""Owns what the `tests:` of a policy say."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.addresses import Address
from gateway.core.policy.facts import SESSION
from gateway.core.policy.places import Place


@dataclass(frozen=True, slots=True)
class Person:
    """An actor of tests. mfa_s: seconds since the second factor, None: none. client, scopes: of a token."""

    user: str
    groups: frozenset[str]
    authenticated_s: int = 0
    mfa_s: int | None = None
    credential: str = SESSION
    client: str = ""
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Expected:
    """outcome: a word or a status. route "", identity None and headers {}: not looked at."""

    outcome: str
    route: str
    identity: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """target: path and query as sent. people: each asks; None is a stranger. at None: today. headers: lower case."""

    place: Place
    request: str
    method: str
    host: str
    target: str
    people: tuple[Person | None, ...]
    address: Address | None
    at: int | None
    headers: Mapping[str, str]
    kind: str
    times: int
    expected: Expected
