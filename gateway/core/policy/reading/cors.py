"""Reads CORS profiles."""

import re
from typing import Final

from gateway.core.policy.canonical import METHODS
from gateway.core.policy.cors import Cors, CorsProfile
from gateway.core.policy.grammar import CORS
from gateway.core.policy.places import Page, did_you_mean
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.words import boolean, duration, texts
from gateway.core.units import DAY_S
from gateway.core.yaml_marks import Marked, MarkedScalar

_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]{0,30})://([a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?"
)
_WITHOUT_SAYING: Final = {("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443")}
_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}")
_DEFAULT_METHODS: Final = ("GET", "HEAD", "POST")
_DEFAULT_MAX_AGE_S: Final = 600
_MOST_AGE_S: Final = DAY_S


def cors_book() -> Book[CorsProfile]:
    def read(page: Page, key: MarkedScalar, at: Marked) -> CorsProfile | None:
        return _profile(page, at, key.text)

    return Book("CORS profile", read, "cors", beside="none, app")


def read_cors(page: Page, at: Marked, book: Book[CorsProfile]) -> Cors | None:
    if not isinstance(at, MarkedScalar):
        return _profile(page, at, "its own")
    if at.text == "none":
        return "none"
    return "app" if at.text == "app" else book.get(page, at)


def _profile(page: Page, at: Marked, name: str) -> CorsProfile | None:
    given = keyed(page, at, CORS) or {}
    if "origins" not in given:
        return None
    origins = texts(page, given["origins"], "an origin")
    credentials = boolean(page, given["credentials"], "credentials") if "credentials" in given else False
    age_s = duration(page, given["max_age"], "max_age") if "max_age" in given else _DEFAULT_MAX_AGE_S
    for origin in origins:
        if origin != "*":
            judge_origin(page, given["origins"], origin)
    if "*" in origins and credentials:
        page.say(
            given["origins"],
            'origins "*" with credentials: true; expected exact origins; list them, or drop credentials',
        )
        return None
    return CorsProfile(
        name=name,
        origins=frozenset(origins) - {"*"},
        any_origin="*" in origins,
        methods=_methods(page, given.get("methods")),
        headers=tuple(field.lower() for field in _fields(page, given.get("headers"))),
        expose=_fields(page, given.get("expose")),
        credentials=bool(credentials),
        max_age_s=min(age_s or 0, _MOST_AGE_S),
    )


def is_origin(text: str) -> bool:
    """Whether it has the form, a port that browsers leave out aside."""
    return _ORIGIN.fullmatch(text) is not None


def judge_origin(page: Page, at: Marked, origin: str) -> None:
    """Whether it is as browsers write it."""
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        lower = origin.lower().rstrip("/")
        hint = f"; did you mean {lower}?" if _ORIGIN.fullmatch(lower) else ""
        page.say(at, f"`{origin}` is no origin; expected scheme, host and port as https://shop.example{hint}")
    elif (match[1], match[3]) in _WITHOUT_SAYING:
        page.say(at, f"`{origin}` has a port that browsers leave out; expected {origin.rpartition(':')[0]}")


def _methods(page: Page, at: Marked | None) -> tuple[str, ...]:
    """GET brings HEAD."""
    if at is None:
        return _DEFAULT_METHODS
    given = texts(page, at, "a method")
    for method in given:
        if method not in METHODS:
            page.say(at, f"`{method}` is no registered method{did_you_mean(method.upper(), METHODS)}")
    return tuple(dict.fromkeys((*given, "HEAD") if "GET" in given else given))


def _fields(page: Page, at: Marked | None) -> tuple[str, ...]:
    given = () if at is None else texts(page, at, "the name of a header")
    for field in given:
        if at is not None and (not _FIELD.fullmatch(field) or field == "*"):
            page.say(at, f"`{field}` is no name of a header; expected such as Content-Type, each by its name")
    return tuple(dict.fromkeys(given))
