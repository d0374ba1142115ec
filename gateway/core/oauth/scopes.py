"""Owns how scopes are written (RFC 6749 section 3.3)."""

import re
from typing import Final

OPENID: Final = "openid"
OFFLINE_ACCESS: Final = "offline_access"
_WRITTEN: Final = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")


def read_scopes(text: str) -> tuple[str, ...] | None:
    """Each once, in the order in which they came. None: it is not written as scopes are."""
    return tuple(dict.fromkeys(text.split(" "))) if _WRITTEN.fullmatch(text) else None
