"""Owns the words for what has the wrong form: what is there, what is expected, and where possible what to write."""

import difflib
import re
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_network
from typing import Final

from gateway.config.fields import Key, all_keys, key_at, names_at
from gateway.config.setting import NO_KEY
from gateway.config.values import parse_duration
from gateway.core.units import DURATION_UNITS
from gateway.core.yaml_faults import glued_key, unspaced

_BAD_NAME: Final = "string_pattern_mismatch"  # also of a name in a map, which belongs to the map
_MISSING: Final = "missing"
_NOT_SHOWN: Final = "of the wrong form (not shown)"
_LONGEST_SHOWN: Final = 60
_LEAST_PREFIX: Final = 2
_SECTION_KEY: Final = 2  # section.key
_RANGE: Final = re.compile(r"a duration from (\S+) to (\S+)")
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}|\$[A-Za-z_][A-Za-z0-9_]*")
_RENAMED: Final = {"tokens": "jwt"}
_BOOLEANS: Final = {"yes": "true", "on": "true", "no": "false", "off": "false", "true": "true", "false": "false"}


def complaint(path: tuple[str, ...], kind: str, given: object) -> str:
    """kind: of pydantic's error."""
    name = ".".join(path)
    if kind == NO_KEY:
        names = names_at(path[:-1])
        name = ".".join((*path[:-1], glued_key(path[-1]) or path[-1]))
        return f"`{name}` is no key; expected {', '.join(names)}{_key_hint(path, names)}"
    key = key_at(path) or (key_at(path[:-1]) if kind == _BAD_NAME else None)
    if key is None:
        space = unspaced(given) if isinstance(given, str) else ""
        has_secrets = any(one.secret for one in all_keys() if one.path[: len(path)] == path)
        shown = _NOT_SHOWN if has_secrets else _shown(given)
        return f"`{name}` is {shown}; expected a map of keys: {', '.join(names_at(path))}{space}"
    if kind == _MISSING:
        return f"`{name}` is missing; expected {key.expected}"
    shown = _NOT_SHOWN if key.secret else _shown(given)
    if key.kind == "list" and len(path) > len(key.path):
        return f"`{name}` is {shown}; expected {_item(key.expected, given)}"
    return f"`{name}` is {shown}; expected {key.expected}{_value_hint(key, given)}"


def unreplaced(path: tuple[str, ...], given: object) -> str | None:
    """What to say of a value that names a variable, which Bastion would not replace; None where it names none."""
    named = _VARIABLE.search(given) if isinstance(given, str) else None
    key = key_at(path)
    if named is None or key is None or (named[0] != given and not named[0].startswith("${")):
        return None
    told = f"`{'.'.join(path)}` names the variable `{named[0]}`, but Bastion replaces no variables in this file"
    if "<" in key.dotted:
        return f"{told}; expected the value itself"
    return f"{told}; take the key out, and set {key.environment}, or {key.environment}_FILE to a file with the value"


def _key_hint(path: tuple[str, ...], names: Sequence[str]) -> str:
    name = path[-1]
    if path[0] in _RENAMED:
        return f"; it is called `{_RENAMED[path[0]]}` now"
    there = [key.path[0] for key in all_keys() if len(key.path) == _SECTION_KEY and key.path[1] == name]
    if there:
        return f"; it belongs below {' or '.join(f'`{section}`' for section in there)}"
    return unspaced(name) or _did_you_mean(_meant(name, names))


def _value_hint(key: Key, given: object) -> str:
    if key.kind == "scalar" and isinstance(given, str):
        return _scalar_hint(key, given)
    bounds = _RANGE.fullmatch(key.expected)
    if bounds is not None and isinstance(given, int) and not isinstance(given, bool):
        return _duration_hint(given, parse_duration(bounds[1]), parse_duration(bounds[2]))
    words = [word for word in key.expected.replace(" or ", ", ").split(", ") if " " not in word]
    return _did_you_mean(_meant(str(given), words))


def _scalar_hint(key: Key, given: str) -> str:
    """Text where a number or true or false belongs."""
    is_number = "number" in key.expected
    meant = given if is_number and given.isdigit() else "" if is_number else _BOOLEANS.get(given.strip().lower(), "")
    if not meant:
        return ""
    return f"; write {meant} without quotes" if meant == given else f"; write {meant}"


def _duration_hint(count: int, least_s: int, most_s: int) -> str:
    """A bare number of seconds, as seconds and in the largest unit that it fills."""
    if not least_s <= count <= most_s:
        return ""
    largest = max(
        (unit for unit, unit_s in DURATION_UNITS.items() if count % unit_s == 0), key=DURATION_UNITS.__getitem__
    )
    other = "" if largest == "s" else f" or {count // DURATION_UNITS[largest]}{largest}"
    return f"; write {count}s{other}"


def _item(expected: str, given: object) -> str:
    """What is expected of an item of a list; for addresses with bits behind their mask what may have been meant."""
    words = expected.removeprefix("a list of ").partition(", ")[0]
    with suppress(ValueError):
        if "CIDR" in words:
            return f"{words}; did you mean `{ip_network(str(given), strict=False)}`?"
    return words


def _shown(given: object) -> str:
    if given is None:
        return "empty"
    text = str(given).lower() if isinstance(given, bool) else str(given)
    return f"`{text[:_LONGEST_SHOWN]}`"


def _meant(given: str, names: Sequence[str]) -> str:
    """The name that it is or begins, whatever the case, else one that is close; "" where there is none."""
    lowered = {name.lower(): name for name in names}
    begun = [name for low, name in lowered.items() if low.startswith(given.lower())]
    if len(begun) == 1 and len(given) >= _LEAST_PREFIX:
        return begun[0]
    close = difflib.get_close_matches(given.lower(), lowered, n=1)
    return lowered[close[0]] if close else ""


def _did_you_mean(name: str) -> str:
    return f"; did you mean `{name}`?" if name else ""
