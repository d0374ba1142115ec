"""How a login's sessions lie in Redis, byte for byte as the function reads them."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.model import Assurance
from gateway.core.session.tokens import CREDENTIAL_BYTES

MAX_SESSIONS: Final = 218  # with their tails, a count of one byte
_SESSION: Final = struct.Struct("<16sIII")
_TAIL: Final = struct.Struct("<HBx")
_TAILS_IN_PLACE: Final = 6
_TAILS: Final = struct.Struct("<24sI")
_TAILS_MARK: Final = 1  # where a session has `until`: none was replaced in 1970, so no version takes it for one


@dataclass(frozen=True, slots=True)
class Session:
    """until: Unix seconds, 0: it stands."""

    credential: bytes
    assurance: Assurance
    until: int


def pack_sessions(sessions: Iterable[Session]) -> bytes:
    """The newest MAX_SESSIONS (they are the last), and behind them a tail for each, six in the place of a session.

    The version before counts those places as sessions that were replaced long ago, and finds none of its own there.
    """
    kept = list(sessions)[-MAX_SESSIONS:]
    assert all(len(one.credential) == CREDENTIAL_BYTES for one in kept)
    tails = [_TAIL.pack(one.assurance.amr, one.assurance.risk) for one in kept]
    places = [b"".join(tails[at : at + _TAILS_IN_PLACE]) for at in range(0, len(tails), _TAILS_IN_PLACE)]
    return b"".join([_session(one) for one in kept] + [_TAILS.pack(place, _TAILS_MARK) for place in places])


def _session(one: Session) -> bytes:
    return _SESSION.pack(one.credential, one.assurance.authenticated_at, one.assurance.mfa_at, one.until)


def confirm_after_s(idle_s: int) -> int:
    """How long a live record is believed, and how far last-seen in Postgres may lag (threats.md R7)."""
    return max(1, min(60, idle_s // 10))
