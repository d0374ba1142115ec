"""Reads Accept (RFC 9110 section 12.5.1), as far as a refusal has a choice: a page or JSON."""

import re
from typing import Final

_CHARS: Final = 1024  # browsers send fewer than 200; refusals of anybody pass here
_QUALITY: Final = re.compile(r";[ \t]*q[ \t]*=[ \t]*([01](?:\.[0-9]{0,3})?)[ \t]*(?:;|$)", re.IGNORECASE)


def prefers_page(accept: str) -> bool:
    """Whether text/html is wanted more than JSON; of two that are wanted alike, the one that is named more exactly."""
    wanted = dict[str, float]()
    for part in accept[:_CHARS].split(","):
        quality = _QUALITY.search(part)
        wanted[part.partition(";")[0].strip().lower()] = float(quality[1]) if quality else 1.0
    page, data = _rank(wanted, "text/html", "text/*"), _rank(wanted, "application/json", "application/*")
    return page[0] > 0 and page > data


def _rank(wanted: dict[str, float], exact: str, kind: str) -> tuple[float, int]:
    """The most exact range decides: its quality, and how exact it is."""
    for exactness, media_range in ((3, exact), (2, kind), (1, "*/*")):
        if media_range in wanted:
            return wanted[media_range], exactness
    return 0.0, 0
