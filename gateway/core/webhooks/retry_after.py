"""Reads when a receiver wants to be asked again (RFC 9110 section 10.2.3)."""

from email.utils import parsedate_to_datetime
from typing import Final

from gateway.core.units import DAY_S

_MOST_DIGITS: Final = 9


def retry_after_s(text: str, now: int) -> int:
    """Within a day; 0 where it says nothing, or nothing that can be read. now: Unix seconds."""
    return min(max(_seconds(text.strip(), now), 0), DAY_S)


def _seconds(text: str, now: int) -> int:
    if text.isascii() and text.isdigit():
        return int(text[:_MOST_DIGITS])
    try:
        return int(parsedate_to_datetime(text).timestamp()) - now
    except (ValueError, OverflowError):
        return 0
