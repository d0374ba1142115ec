"""Owns what the `tests:` of a policy say."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.addresses import Address
from gateway.core.assurance.model import OTP, PWD, UNKNOWN_RISK, Assurance
from gateway.core.policy.facts import SESSION
from gateway.core.policy.places import Place


@dataclass(frozen=True, slots=True)
class Person:
    """An actor of tests. mfa_s: seconds since the second factor, None: none. client, scopes: of a token.

    amr None: what usually goes with that.
    """

    user: str
    groups: frozenset[str]
    authenticated_s: int = 0
    mfa_s: int | None = None
    credential: str = SESSION
    client: str = ""
    scopes: frozenset[str] = frozenset()
    amr: int | None = None
    risk: int = UNKNOWN_RISK

    def assurance(self, now: int) -> Assurance:
        mfa_at = 0 if self.mfa_s is None else now - self.mfa_s
        usual = PWD | OTP if mfa_at else PWD
        return Assurance(now - self.authenticated_s, mfa_at, usual if self.amr is None else self.amr, self.risk)


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
