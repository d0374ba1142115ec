"""Marks for names that nobody has: what somebody typed there may be a password, so it is never kept (threats.md D4).

The same name has the same mark as long as a key lasts, so that guesses repeated show; the key is then destroyed, and
nobody can try any more which name a mark was made of.
"""

import hmac
from typing import Final
from uuid import UUID

from gateway.core.base64url import b64
from gateway.core.privacy.names import spelled
from gateway.core.privacy.sealing import DataKey
from gateway.core.units import DAY_S

PERIOD_S: Final = 90 * DAY_S
KEY_OWNER: Final = UUID(int=1)  # no person has this id: the key is wrapped as a person's is
_AHEAD_S: Final = DAY_S  # of two nodes' clocks; a key from further ahead would live longer than it may
_MARK_BYTES: Final = 12


def is_over(begun_at: int, now: int) -> bool:
    """Whether a key of begun_at may no longer be used, and has to go. Unix seconds."""
    return not begun_at - _AHEAD_S <= now < begun_at + PERIOD_S


def mark(key: DataKey, name: str) -> str:
    """16 characters. Two spellings of one name have one mark."""
    digest = hmac.digest(key.raw, spelled(name).encode(errors="replace"), "sha256")
    return b64(digest[:_MARK_BYTES])
