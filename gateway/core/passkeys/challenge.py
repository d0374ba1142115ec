"""Owns challenges: made without storing anything, worth something only in the browser and for the purpose they are for.

Nonce, time and an HMAC of both with purpose and browser. Each is taken once: the transaction that follows a right
answer claims it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Final

NONCE_BYTES: Final = 16
_TIME_BYTES: Final = 4
_MAC_BYTES: Final = 16
_AHEAD_S: Final = 60  # by how much the clock of the node that made it may be ahead


class ChallengePurpose(Enum):
    """value: in the HMAC. An answer to one is none to another."""

    SIGN_IN = b"sign-in"  # nobody is known yet
    SECOND = b"second"  # of a person whose name is known
    ENROL = b"enrol"


_LIFETIMES_S: Final = {
    ChallengePurpose.SIGN_IN: 3600,  # autofill waits for as long as the page is open
    ChallengePurpose.SECOND: 600,
    ChallengePurpose.ENROL: 600,
}


@dataclass(frozen=True, slots=True)
class Binding:
    """What a challenge belongs to. browser: the csrf cookie. login: id of a login or an attempt, "" before either."""

    purpose: ChallengePurpose
    browser: str
    login: str = ""

    @property
    def material(self) -> bytes:
        """No field holds a NUL."""
        return b"\0".join((self.purpose.value, self.browser.encode(), self.login.encode(), b""))


@dataclass(frozen=True, slots=True)
class ChallengeClaim:
    """What the answer to a challenge uses up. until: Unix seconds, when it is too old anyhow."""

    hash: bytes
    until: int


def make_challenge(key: bytes, binding: Binding, nonce: bytes, now: int) -> bytes:
    """nonce: NONCE_BYTES random bytes."""
    assert len(nonce) == NONCE_BYTES
    signed = nonce + now.to_bytes(_TIME_BYTES, "big")
    return signed + _mac(key, binding, signed)


def claim_of(key: bytes, binding: Binding, challenge: bytes, now: int) -> ChallengeClaim | None:
    """None: not made by us for this, or too old. The last second of its life counts."""
    signed, mac = challenge[: NONCE_BYTES + _TIME_BYTES], challenge[NONCE_BYTES + _TIME_BYTES :]
    if not hmac.compare_digest(_mac(key, binding, signed), mac):
        return None
    made_at = int.from_bytes(signed[NONCE_BYTES:], "big")
    until = made_at + _LIFETIMES_S[binding.purpose]
    if not made_at - _AHEAD_S <= now <= until:
        return None
    return ChallengeClaim(hashlib.sha256(challenge).digest(), until)


def _mac(key: bytes, binding: Binding, signed: bytes) -> bytes:
    return hmac.digest(key, binding.material + signed, "sha256")[:_MAC_BYTES]
