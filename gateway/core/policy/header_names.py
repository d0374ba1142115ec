"""Owns which names of headers a policy may give a meaning to: those that have none of their own."""

import re
from typing import Final

HEADER_PATTERN: Final = "^[A-Za-z][A-Za-z0-9-]{0,63}$"
_NAME: Final = re.compile(HEADER_PATTERN)
# A client that sends them sends something else there.
_TAKEN: Final = re.compile(
    rb"authorization|dpop|cookie|host|origin|referer|user-agent|accept.*|content-.*|connection|te|upgrade.*|"
    rb"transfer-encoding|destination|cache-control|pragma|priority|dnt|if-.*|range|early-data|purpose|"
    rb"x-requested-with|(?:sec|proxy|x-forwarded|x-bastion|access-control|x-request-id).*"
)


def is_header_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def has_a_meaning(lowered: bytes) -> bool:
    """Whether the header is for something else already. lowered: in lower case."""
    return _TAKEN.fullmatch(lowered) is not None
