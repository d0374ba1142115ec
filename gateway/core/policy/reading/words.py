"""Reads single values: text, numbers, durations, days, one of some words, and lists of them."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from gateway.core.policy.places import Page, did_you_mean
from gateway.core.policy.shapes import DURATION_PATTERN
from gateway.core.units import DURATION_UNITS
from gateway.core.yaml_marks import Marked, MarkedList, MarkedMap, MarkedScalar

_DURATION: Final = re.compile(DURATION_PATTERN)
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_SHOWN: Final = 60
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029\ud800-\udfff]")


def items(page: Page, at: Marked, what: str) -> tuple[Marked, ...]:
    """A list of one needs no brackets."""
    if not isinstance(at, MarkedList):
        return (at,)
    if not at.items:
        page.say(at, f"an empty list; expected {what}")
    return at.items


def text(page: Page, at: Marked, what: str) -> str | None:
    """what: as it stands after `expected`."""
    if isinstance(at, MarkedMap):
        page.say(at, _map_instead_of_text(at, what))
    elif isinstance(at, MarkedList):
        page.say(at, f"a list; expected {what}")
    elif at.value is None or at.text == "":
        page.say(at, f"nothing; expected {what}")
    elif not isinstance(at.value, str):
        page.say(at, f"`{shown(at)}` is no text; expected {what}; quote it if it is meant")
    elif _CONTROL.search(at.text):
        page.say(at, f"a control character; expected {what}")
    else:
        return at.text
    return None


def texts(page: Page, at: Marked, what: str) -> tuple[str, ...]:
    found = (text(page, item, what) for item in items(page, at, what))
    return tuple(one for one in found if one is not None)


def word(page: Page, at: Marked, what: str, choices: Iterable[str]) -> str | None:
    """One of the choices. Numbers count as their digits."""
    names = tuple(choices)
    given = at.text if isinstance(at, MarkedScalar) else ""
    if given in names:
        return given
    page.say(at, f"{what} is {said(at)}; expected {', '.join(names)}{did_you_mean(given, names)}")
    return None


def boolean(page: Page, at: Marked, what: str) -> bool | None:
    if isinstance(at, MarkedScalar) and isinstance(at.value, bool):
        return at.value
    meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(said(at).strip("`").lower(), "")
    page.say(at, f"{what} is {said(at)}; expected true or false{f'; write {meant}' if meant else ''}")
    return None


def whole(page: Page, at: Marked, what: str, least: int, most: int) -> int | None:
    number = at.value if isinstance(at, MarkedScalar) else None
    if isinstance(number, int) and not isinstance(number, bool) and least <= number <= most:
        return number
    page.say(at, f"{what} is {said(at)}; expected a whole number from {least} to {most}")
    return None


def duration(page: Page, at: Marked, what: str) -> int | None:
    """In seconds."""
    given = at.text if isinstance(at, MarkedScalar) else ""
    if _DURATION.fullmatch(given):
        return int(given[:-1]) * DURATION_UNITS[given[-1]]
    clock = _CLOCK.fullmatch(given)
    minutes = int(clock[1]) * 60 + int(clock[2]) if clock else 0
    hint = f"; {clock[1]} h {clock[2]} m is {minutes}m" if clock else ""
    page.say(at, f"{what} is {said(at)}; expected a number with s, m, h or d{hint}")
    return None


def day(page: Page, at: Marked, what: str) -> date | None:
    given = at.text if isinstance(at, MarkedScalar) else ""
    try:
        if _DAY.fullmatch(given):
            return date.fromisoformat(given)
    except ValueError:
        page.say(at, f"{what} is {said(at)}, which is in no calendar; expected a day as 2026-12-31")
        return None
    page.say(at, f"{what} is {said(at)}; expected a day as 2026-12-31")
    return None


def midnight(of: date) -> int:
    """Unix seconds of the start of the day, in UTC."""
    return int(datetime(of.year, of.month, of.day, tzinfo=UTC).timestamp())


def said(at: Marked) -> str:
    """For messages that name what stands there."""
    match at:
        case MarkedScalar():
            return f"`{shown(at)}`" if at.text else "empty"
        case MarkedMap():
            return "a map"
        case MarkedList():
            return "a list"


def shown(at: MarkedScalar) -> str:
    clean = _CONTROL.sub("?", at.text)
    return clean if len(clean) <= _LONGEST_SHOWN else f"{clean[:_LONGEST_SHOWN]}..."


def _map_instead_of_text(at: MarkedMap, what: str) -> str:
    if len(at.entries) == 1:
        key, value = at.entries[0]
        if isinstance(value, MarkedScalar) and value.text == "":
            if (key.line, key.column) == (at.line, at.column):
                return f"`{shown(key)}:` is a map in YAML; expected {what}; write {shown(key)}"
            return f'{{{shown(key)}}} is a map in YAML; expected {what}; write "{{{shown(key)}}}"'
    return f"a map; expected {what}"
