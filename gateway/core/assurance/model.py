"""Owns the assurance of a secret: which methods were proven, when, and the risk score of that login.

The bits are in Postgres, in Redis and in journeys, so each keeps its meaning.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PWD: Final = 1
OTP: Final = 2
HWK: Final = 4  # a passkey that stays in its authenticator, by the authenticator's word
SWK: Final = 8  # a passkey that may be copied between devices
USER: Final = 16  # the authenticator verified the person
RECOVERY: Final = 32  # told as otp
PASSKEYS: Final = HWK | SWK | USER  # what nothing else proves
UNKNOWN_RISK: Final = 255
ACRS: Final = ("1", "2", "phr", "phrh")  # OpenID EAP ACR Values 1.0, and below them a password alone; weakest first
CAN_BE_MET: Final = ACRS[:3]  # phrh needs attestation
_TOLD: Final = ((PWD, "pwd"), (OTP, "otp"), (HWK, "hwk"), (SWK, "swk"), (USER, "user"))
METHODS: Final = {name: bit for bit, name in _TOLD}


@dataclass(slots=True, init=False)
class Assurance:
    """authenticated_at, mfa_at: Unix seconds of the last first and second factor; mfa_at 0: no second factor.

    amr: the bits above. risk: 0 to 100, or UNKNOWN_RISK. Nothing changes one; its __init__ is written out so that it
    is compiled.
    """

    authenticated_at: int
    mfa_at: int
    amr: int
    risk: int

    def __init__(self, authenticated_at: int, mfa_at: int, amr: int, risk: int = UNKNOWN_RISK) -> None:
        self.authenticated_at = authenticated_at
        self.mfa_at = mfa_at
        self.amr = amr
        self.risk = risk


NO_PROOF: Final = Assurance(0, 0, 0)  # of an API key, and of whoever has not logged in yet


def by_password(at: int, risk: int = UNKNOWN_RISK) -> Assurance:
    """at: Unix seconds."""
    return Assurance(at, 0, PWD, risk)


def told_bits(amr: int) -> int:
    """The bits as apps and policies know them: a recovery code is a one-time password."""
    return (amr & ~RECOVERY) | OTP if amr & RECOVERY else amr


def bits_of(values: Iterable[str]) -> int:
    """Of RFC 8176 names; those that no method here has, such as mfa, are left out."""
    return sum(METHODS.get(value, 0) for value in set(values))


def amr_values(assurance: Assurance) -> tuple[str, ...]:
    """RFC 8176, in a fixed order."""
    told = told_bits(assurance.amr)
    methods = tuple(name for bit, name in _TOLD if told & bit)
    return (*methods, "mfa") if assurance.mfa_at else methods


def acr_of(assurance: Assurance) -> str:
    """One of ACRS. `phrh` needs attestation, which nothing here proves."""
    if not assurance.mfa_at:
        return "1"
    return "phr" if assurance.amr & (HWK | SWK) else "2"


def is_acr_at_least(acr: str, wanted: str) -> bool:
    """Both of ACRS."""
    return ACRS.index(acr) >= ACRS.index(wanted)
