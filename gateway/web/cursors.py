"""Where a page of a list goes on, as its link says; whatever no page of ours links is read as no such place."""

from typing import Final

from gateway.core.base64url import unb64

MOST_DIGITS: Final = 18  # fewer than a bigint of Postgres has


def whole_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def time_and_id(text: str) -> tuple[int, bytes] | None:
    """Of the last row of the page before: `SECONDS.ID`, with the id as base64url."""
    at, _, row_id = text.partition(".")
    seconds = whole_number(at)
    try:
        return None if seconds is None else (seconds, unb64(row_id))
    except ValueError:
        return None
