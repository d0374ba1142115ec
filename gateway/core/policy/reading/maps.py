"""Reads maps: those with the language's keys, and those with names that the author chose."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.core.policy.places import Page, did_you_mean
from gateway.core.policy.reading.elsewhere import moved
from gateway.core.policy.shapes import NAME_PATTERN, Shape
from gateway.core.yaml_faults import unspaced
from gateway.core.yaml_marks import Marked, MarkedMap, MarkedScalar

NAME: Final = re.compile(NAME_PATTERN)
_NAMES: Final = "small letters, digits, - and _, at most 64 of them"


def keyed(page: Page, at: Marked, shape: Shape) -> Mapping[str, Marked] | None:
    """The values of the keys that are built; every other key is a mistake. None: no map at all."""
    if not isinstance(at, MarkedMap):
        space = unspaced(at.text) if isinstance(at, MarkedScalar) else ""
        page.say(at, f"expected {shape.title} as a map of keys: {', '.join(shape.names)}{space}")
        return None
    found: dict[str, Marked] = {}
    for key, value in at.entries:
        known = shape.key(key.text)
        if known is None:
            _say_unknown(page, key, value, shape)
        elif not known.built:
            page.say(key, f"`{key.text}` is part of the language but not built yet; expected a policy without it")
        else:
            found[key.text] = value
    for needed in shape.keys:
        if needed.required and needed.built and needed.name not in found:
            page.say(at, f"{shape.title} needs `{needed.name}`: {needed.meaning[:1].lower()}{needed.meaning[1:]}")
    return found


def named(
    page: Page, at: Marked, what: str, pattern: re.Pattern[str] = NAME, expected: str = ""
) -> Iterator[tuple[MarkedScalar, Marked]]:
    """what: of the things that the names are for, in the plural. pattern: of the names, and expected in words."""
    if not isinstance(at, MarkedMap):
        page.say(at, f"expected a map of {what} by name")
        return
    for key, value in at.entries:
        if pattern.fullmatch(key.text):
            yield key, value
        else:
            page.say(key, f"`{key.text}` is no name; expected {expected or _NAMES}")


def _say_unknown(page: Page, key: MarkedScalar, value: Marked, shape: Shape) -> None:
    expected = ", ".join(sorted(shape.names))
    hint = unspaced(key.text) or moved(key.text, value, shape) or did_you_mean(key.text, shape.names)
    page.say(key, f"`{key.text}` is no key of {shape.title}; expected {expected}{hint}")
