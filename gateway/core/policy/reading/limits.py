"""Reads rate limits: named budgets that routes share, and those that a route has for itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.policy.grammar import LIMIT
from gateway.core.policy.places import Page
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.words import items, said, whole, word
from gateway.core.ratelimit.gcra import MOST_A_SECOND, Limit, Per, most_at_once
from gateway.core.units import RATE_UNITS
from gateway.core.yaml_marks import Marked, MarkedMap, MarkedScalar

_RATE: Final = re.compile(r"([0-9]{1,7})/(s|min|h|d)")
_MOST_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """An inline one: each route has a budget of its own, under a name that it gives."""

    limit: Limit

    def named(self, name: str) -> Limit:
        one = self.limit
        return Limit(name, one.count, one.period_us, one.burst, one.per, one.allow_on_store_failure)


def limit_book(configured: Mapping[str, Limit]) -> Book[Limit]:
    """configured: budgets of the configuration, which can be used by name too."""

    def read(page: Page, key: MarkedScalar, at: Marked) -> Limit | None:
        return _limit(page, at, key.text)

    return Book("limit", read, "limits", configured, beside="none, a rate such as 600/min")


def read_limits(page: Page, at: Marked, book: Book[Limit]) -> tuple[Limit | OwnLimit, ...]:
    if isinstance(at, MarkedScalar) and at.text == "none":
        return ()
    each = (_one(page, item, book) for item in items(page, at, "a limit"))
    return tuple(limit for limit in each if limit is not None)


def _one(page: Page, at: Marked, book: Book[Limit]) -> Limit | OwnLimit | None:
    if isinstance(at, MarkedScalar) and "/" not in at.text:
        return book.get(page, at)
    limit = _limit(page, at, "")
    return None if limit is None else OwnLimit(limit)


def _limit(page: Page, at: Marked, name: str) -> Limit | None:
    if not isinstance(at, MarkedMap):
        rate = _rate(page, at)
        return None if rate is None else Limit(name, rate[0], rate[1] * 1_000_000, rate[0])
    given = keyed(page, at, LIMIT) or {}
    rate = _rate(page, given["rate"]) if "rate" in given else None
    burst = whole(page, given["burst"], "burst", 1, _MOST_AT_ONCE) if "burst" in given else None
    per = word(page, given["per"], "per", [one.value for one in Per]) if "per" in given else None
    failure = given.get("on_store_failure")
    then = None if failure is None else word(page, failure, "on_store_failure", ("deny", "allow"))
    if rate is None:
        return None
    most = most_at_once(*rate)
    if burst is not None and burst > most:
        page.say(given["burst"], f"burst is {burst}, which takes over 100 years to refill; expected at most {most}")
        return None
    return Limit(name, rate[0], rate[1] * 1_000_000, burst or rate[0], Per(per or "caller"), then == "allow")


def _rate(page: Page, at: Marked) -> tuple[int, int] | None:
    """How many in how many seconds."""
    match = _RATE.fullmatch(at.text) if isinstance(at, MarkedScalar) else None
    if match is None:
        page.say(at, f"rate is {said(at)}; expected a number with /s, /min, /h or /d, such as 600/min")
        return None
    count, period_s = int(match[1]), RATE_UNITS[match[2]]
    if not 1 <= count <= min(_MOST_AT_ONCE, period_s * MOST_A_SECOND):
        page.say(at, f"rate is {said(at)}; expected from 1 to {_MOST_AT_ONCE}")
        return None
    return count, period_s
