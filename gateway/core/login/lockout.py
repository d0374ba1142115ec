"""Counts wrong proofs for one door to a person, and says how long it stays locked (threats.md L15, L16).

A person has one door for all devices that are strange to them and one for each device that they logged in from, and
of each one for the password and one for second factors. What happens at one door changes no other: a success nowhere
resets anything, or a guesser could wait for the owner's. A locked door counts nothing, because nobody looks.
"""

import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal
from uuid import UUID

from gateway.core.privacy.names import spelled
from gateway.core.units import DAY_S

STRANGE: Final = b""
OPENED_S: Final = 900
_OPENED_TRIES: Final = 5
_DECOYS: Final = 256
_FIRST_DECOY: Final = 1 << 8  # no person's id, which is random, nor one of core/privacy


class Proving(Enum):
    """What is proven at a door. The values are stored."""

    PASSWORD = "password"
    FACTOR = "factor"


@dataclass(frozen=True, slots=True)
class Door:
    """who: a person or a decoy. device: id of core/risk/device.py of a known one; STRANGE: all others."""

    who: UUID
    proving: Proving
    device: bytes = STRANGE

    @property
    def place(self) -> Literal["strange", "known"]:
        """As the audit log has it."""
        return "strange" if self.device == STRANGE else "known"


@dataclass(frozen=True, slots=True)
class LockoutRules:
    """failures within within_s lock a door for first_s; each further time for twice as long, up to longest_s."""

    failures: int = 10
    within_s: int = 900
    first_s: int = 900
    longest_s: int = DAY_S


@dataclass(frozen=True, slots=True)
class Lockout:
    """Of one door. failed_at: what counts towards the next lock. locked_s: how long the last one was. until: its end.

    Times are Unix seconds.
    """

    failed_at: tuple[int, ...] = ()
    locked_s: int = 0
    until: int = 0

    def is_locked(self, now: int) -> bool:
        return now < self.until


def failed(before: Lockout, rules: LockoutRules, now: int) -> Lockout:
    """After one more wrong proof. Failures of later than now, by another node's clock, count."""
    if before.is_locked(now):
        return before
    counted = (*(at for at in before.failed_at if at > now - rules.within_s), now)
    if len(counted) < rules.failures:
        return Lockout(counted, before.locked_s, before.until)
    was_quiet = now >= before.until + rules.longest_s
    locked_s = rules.first_s if was_quiet else min(rules.longest_s, max(rules.first_s, 2 * before.locked_s))
    return Lockout((), locked_s, now + locked_s)


def opened(rules: LockoutRules, now: int) -> Lockout:
    """Of a door that its person opened for OPENED_S: a few wrong proofs lock it again."""
    counts_throughout = now + max(0, OPENED_S - rules.within_s)
    return Lockout((counts_throughout,) * max(0, rules.failures - _OPENED_TRIES))


def decoy(key: bytes, name: str) -> UUID:
    """Who is counted for instead of a name that nobody has: one of a few, so that guessed names fill no table."""
    number = hmac.digest(key, spelled(name).encode(errors="replace"), "sha256")[0]
    assert number < _DECOYS
    return UUID(int=_FIRST_DECOY + number)
