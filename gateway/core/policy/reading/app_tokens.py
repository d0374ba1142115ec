"""Reads `define: app_tokens:`, where apps look for credentials of their own."""

import re
from typing import Final

from gateway.core.policy.app_tokens import AUTHORIZATION, AppToken, TokenHeader
from gateway.core.policy.grammar import APP_TOKEN, PARAMETER_PATTERN
from gateway.core.policy.header_names import has_a_meaning, is_header_name
from gateway.core.policy.places import Page
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.words import items, text
from gateway.core.yaml_marks import Marked, MarkedScalar

_PLACE: Final = "a place: {header: NAME}, {header: NAME, starts: TEXT} or {query: NAME}"
_PARAMETER: Final = re.compile(PARAMETER_PATTERN)
_VALUE: Final = re.compile(r"[\x20-\x7e]+")


def app_token_book() -> Book[AppToken]:
    def read(page: Page, key: MarkedScalar, at: Marked) -> AppToken:
        places = [place for item in items(page, at, _PLACE) if (place := _place(page, item)) is not None]
        headers = tuple(place for place in places if isinstance(place, TokenHeader))
        return AppToken(key.text, headers, frozenset(place for place in places if isinstance(place, str)))

    return Book("app token", read, "app_tokens")


def _place(page: Page, at: Marked) -> TokenHeader | str | None:
    """A header, or the name of a parameter. None: a mistake, which has been said."""
    given = keyed(page, at, APP_TOKEN)
    if given is None:
        return None
    header, query, starts = given.get("header"), given.get("query"), given.get("starts")
    if (header is None) == (query is None):
        page.say(at, f"expected {_PLACE}")
        return None
    if query is not None:
        if starts is not None:
            page.say(starts, "starts belongs to a header; expected {query: NAME} alone")
        return _parameter(page, query)
    assert header is not None
    name = _header(page, header)
    beginning = "" if starts is None else _starts(page, starts)
    return None if name is None or beginning is None else TokenHeader(name, beginning.lower().encode())


def _header(page: Page, at: Marked) -> bytes | None:
    """In lower case."""
    name = text(page, at, "the name of a header")
    if name is None:
        return None
    if not is_header_name(name):
        page.say(at, f"`{name}` is no name of a header; expected letters, digits and -, such as X-Api-Key")
        return None
    lowered = name.lower().encode()
    if has_a_meaning(lowered) and lowered != AUTHORIZATION:
        page.say(
            at, f"{name} has a meaning of its own; expected Authorization, or a header that holds nothing but the token"
        )
        return None
    return lowered


def _starts(page: Page, at: Marked) -> str | None:
    beginning = text(page, at, 'how the value begins, such as "Basic "')
    if beginning is not None and _VALUE.fullmatch(beginning) is None:
        page.say(at, "starts has characters that no header's value begins with; expected ASCII")
        return None
    return beginning


def _parameter(page: Page, at: Marked) -> str | None:
    name = text(page, at, "the name of a parameter")
    if name is not None and _PARAMETER.fullmatch(name) is None:
        page.say(at, f"`{name}` is no name of a parameter; expected letters, digits and . _ ~ -, such as apikey")
        return None
    return name
