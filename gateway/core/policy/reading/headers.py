"""Reads profiles of response headers."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from gateway.core.policy import csp, grammar
from gateway.core.policy.csp import BadCsp, Directives
from gateway.core.policy.grammar import HEADERS
from gateway.core.policy.headers import DEFAULT, HIDDEN, HSTS, REMOVE, SHIPPED, Profile
from gateway.core.policy.places import Page
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.words import boolean, duration, items, text, texts, word
from gateway.core.yaml_marks import Marked, MarkedMap, MarkedScalar

_LEFT: Final = ("app", "remove")
_WORDS: Final = {
    "content_type_options": ("X-Content-Type-Options", ("nosniff",)),
    "referrer_policy": ("Referrer-Policy", grammar.REFERRER_POLICIES),
    "coop": ("Cross-Origin-Opener-Policy", grammar.OPENER_POLICIES),
    "corp": ("Cross-Origin-Resource-Policy", grammar.RESOURCE_POLICIES),
    "coep": ("Cross-Origin-Embedder-Policy", grammar.EMBEDDER_POLICIES),
}
_FEATURE: Final = re.compile(r"[a-z][a-z0-9-]{0,60}")
_FEATURE_ORIGIN: Final = re.compile(r"https?://(?:\*\.)?[A-Za-z0-9.-]+(?::[0-9]{1,5})?")


def header_book() -> Book[Profile]:
    def read(page: Page, key: MarkedScalar, at: Marked) -> Profile | None:
        return _profile(page, at, key.text, book)

    book = Book("header profile", read, "headers", SHIPPED)
    return book


def read_headers(page: Page, at: Marked, book: Book[Profile]) -> Profile | None:
    return book.get(page, at) if isinstance(at, MarkedScalar) else _profile(page, at, "its own", book)


def _profile(page: Page, at: Marked, name: str, book: Book[Profile]) -> Profile | None:
    """Nearer wins over what it extends: header by header, and in a CSP directive by directive."""
    given = keyed(page, at, HEADERS)
    if given is None:
        return None
    base = _base(page, given.get("extends"), book)
    if base is None:
        return None
    return Profile(
        name,
        _values(page, given, base),
        _csp(page, given.get("csp"), base.csp),
        _csp(page, given.get("csp_report_only"), base.csp_report_only),
        _ancestors(page, given.get("frame_ancestors"), base.ancestors),
        _hidden(page, given.get("remove"), base.hidden),
    )


def _base(page: Page, at: Marked | None, book: Book[Profile]) -> Profile | None:
    if at is None:
        return DEFAULT
    if isinstance(at, MarkedScalar):
        return book.get(page, at)
    text(page, at, "the name of a header profile")
    return None


def _values(page: Page, given: Mapping[str, Marked], base: Profile) -> Mapping[str, str]:
    values: dict[str, str | None] = {**base.values}
    for key, (header, choices) in _WORDS.items():
        if key in given:
            values[header] = _left(word(page, given[key], key, (*choices, *_LEFT)))
    if "hsts" in given:
        values[HSTS] = _left_or(page, given["hsts"], _hsts)
    if "permissions_policy" in given:
        values["Permissions-Policy"] = _left_or(page, given["permissions_policy"], _permissions)
    return {header: value for header, value in values.items() if value is not None}


def _left(written: str | None) -> str | None:
    """`app` leaves what the app sends, `remove` takes it away."""
    return {"app": None, "remove": REMOVE}.get(written or "app", written)


def _left_or(page: Page, at: Marked, read: Callable[[Page, Marked], str | None]) -> str | None:
    if isinstance(at, MarkedScalar) and at.text in _LEFT:
        return _left(at.text)
    return read(page, at)


def _hsts(page: Page, at: Marked) -> str | None:
    given = keyed(page, at, grammar.HSTS) or {}
    age_s = duration(page, given["max_age"], "max_age") if "max_age" in given else None
    parts = [f"max-age={age_s or 0}"]
    for key, written in (("subdomains", "includeSubDomains"), ("preload", "preload")):
        if key in given and boolean(page, given[key], key):
            parts.append(written)
    return "; ".join(parts)


def _permissions(page: Page, at: Marked) -> str | None:
    """RFC 8941: camera=(), fullscreen=(self "https://x.example")."""
    if not isinstance(at, MarkedMap):
        page.say(at, "permissions_policy is a map of features; expected such as {camera: none}, app or remove")
        return None
    parts = []
    for key, value in at.entries:
        if not _FEATURE.fullmatch(key.text):
            page.say(key, f"`{key.text}` is no feature; expected such as camera")
        parts.append(f"{key.text}={_allowed(page, value)}")
    return ", ".join(parts) or None


def _allowed(page: Page, at: Marked) -> str:
    given = texts(page, at, "none, all, self or origins")
    if given in (("none",), ("all",)):
        return "()" if given == ("none",) else "*"
    for one in given:
        if one != "self" and not _FEATURE_ORIGIN.fullmatch(one):
            page.say(at, f"`{one}` is no origin; expected none, all, self, or such as https://portal.example")
    return f"({' '.join(one if one == 'self' else f'{chr(34)}{one}{chr(34)}' for one in given)})"


def _csp(page: Page, at: Marked | None, base: Directives | None) -> Directives | None:
    """None: the app's own. Empty: none at all."""
    if at is None:
        return base
    if isinstance(at, MarkedScalar) and at.text in _LEFT:
        return None if at.text == "app" else {}
    if isinstance(at, MarkedMap):
        return {**(base or {}), **_directives(page, at)}
    written = text(page, at, "directives, app, remove, or a policy as text")
    try:
        return {**(base or {}), **csp.pasted(written or "")}
    except BadCsp as bad:
        page.say(at, str(bad))
        return base


def _directives(page: Page, at: MarkedMap) -> Directives:
    found = {}
    for key, value in at.entries:
        try:
            if isinstance(value, MarkedScalar) and value.value is True:
                found[key.text] = csp.flag(key.text)
            else:
                csp.known_directive(key.text)
                found[key.text] = csp.directive(key.text, texts(page, value, "a source"))
        except BadCsp as bad:
            page.say(value if key.text in csp.DIRECTIVES else key, str(bad))
    return found


def _ancestors(page: Page, at: Marked | None, base: str) -> str:
    if at is None:
        return base
    if isinstance(at, MarkedScalar) and at.text == "app":
        return ""
    try:
        return csp.sources(texts(page, at, "none, self, or origins"))
    except BadCsp as bad:
        page.say(at, str(bad))
        return base


def _hidden(page: Page, at: Marked | None, base: tuple[str, ...]) -> tuple[str, ...]:
    if at is None:
        return base
    if isinstance(at, MarkedScalar) and at.text == "none":
        return ()
    names = (word(page, item, "remove", HIDDEN) for item in items(page, at, "a header"))
    return tuple(name for name in names if name)
