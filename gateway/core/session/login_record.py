"""How a login's sessions lie in Redis, byte for byte as the function reads them."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.session.tokens import CREDENTIAL_BYTES

MAX_SESSIONS: Final = 255
_SESSION: Final = struct.Struct("<16sIII")


@dataclass(frozen=True, slots=True)
class Session:
    """Unix seconds. mfa_at 0: no second factor. until 0: it stands."""

    credential: bytes
    authenticated_at: int
    mfa_at: int
    until: int


def pack_sessions(sessions: Iterable[Session]) -> bytes:
    """The newest MAX_SESSIONS (they are the last)."""
    kept = list(sessions)[-MAX_SESSIONS:]
    assert all(len(one.credential) == CREDENTIAL_BYTES for one in kept)
    return b"".join(_SESSION.pack(one.credential, one.authenticated_at, one.mfa_at, one.until) for one in kept)


def confirm_after_s(idle_s: int) -> int:
    """How long a live record is believed, and how far last-seen in Postgres may lag (threats.md R7)."""
    return max(1, min(60, idle_s // 10))
