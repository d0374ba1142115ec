"""The cookie of a login that waits for more, and what Postgres knows of it. Its layout is in browsers."""

import hashlib
import re
from collections.abc import Callable
from typing import Final

from gateway.core.base64url import b64

_BYTES: Final = 32
_SHAPE: Final = re.compile(r"[\w-]{43}", re.ASCII)
_LABEL: Final = b"attempt\0"


def new_attempt(random: Callable[[int], bytes]) -> tuple[str, bytes]:
    """The cookie, and what Postgres knows it by. random: as many bytes as asked."""
    cookie = b64(random(_BYTES))
    return cookie, _hash(cookie)


def attempt_hash(cookie: str) -> bytes | None:
    """What Postgres knows the cookie by; None: no text of ours, so nothing is asked."""
    return _hash(cookie) if _SHAPE.fullmatch(cookie) else None


def compared_by(stored: str) -> bytes:
    """What an attempt keeps of the stored password that matched, so that it is worth nothing after a change."""
    return hashlib.sha256(stored.encode()).digest()


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(_LABEL + cookie.encode()).digest()
