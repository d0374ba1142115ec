"""Decides whether a login may change what later logins rest on, or make what outlasts it (login-defence.md L10, X3)."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.core.assurance.model import Assurance
from gateway.core.assurance.need import Need, met

FRESH_S: Final = 600
FRESH: Final = Need(within_s=FRESH_S)
FRESH_WITH_FACTOR: Final = Need(mfa=True, within_s=FRESH_S)


@dataclass(frozen=True, slots=True)
class LoginStanding:
    """Of a login. has_factor: its person has one. settled: the person has used its device for long enough.

    confirmed: by a mailed or an operator's code, or because it is the first login of a new account.
    """

    assurance: Assurance
    has_factor: bool
    settled: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """A mailed or an operator's code has to confirm the login."""


Lacking: TypeAlias = Need | CodeNeeded


def lacking(standing: LoginStanding, now: int) -> Lacking | None:
    """What the login has to prove first; None: it may change things. now: Unix seconds.

    A thief with the password makes his own device known by his first login, so being known is not enough.
    """
    need = FRESH_WITH_FACTOR if standing.has_factor else FRESH
    if not met(need, standing.assurance, now):
        return need
    if standing.has_factor or standing.settled or standing.confirmed:
        return None
    return CodeNeeded()
