"""Says what a change changed: the one way in which before and after of settings and files come into the audit log.

The lines hold what people typed, so they go into a sealed field; names alone may be kept for ever.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

MOST_LINES: Final = 400
_COMPARED: Final = 1_000_000  # pairs of lines
_HUNK: Final = re.compile(r"^@@ -(\d+)((?:,\d+)?) \+(\d+)((?:,\d+)?) @@$")


def names_changed(
    before: Mapping[str, str], after: Mapping[str, str], secrets: Collection[str] = ()
) -> tuple[str, ...]:
    """secrets: as of changes()."""
    different = (name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name))
    return tuple(name for name in different if name not in secrets or before.get(name) or after.get(name))


def changes(before: Mapping[str, str], after: Mapping[str, str], secrets: Collection[str] = ()) -> tuple[str, ...]:
    """`-name: old` and `+name: new` of each value that differs.

    secrets: names of which nothing is told but `set`, `changed` or `removed`. "" is a secret that is not set.
    """
    lines: list[str] = []
    for name in names_changed(before, after, secrets):
        old, new = before.get(name), after.get(name)
        if name in secrets:
            lines.append(f"{name}: {_of_secret(old, new)}")
            continue
        lines += [] if old is None else [f"-{name}: {old}"]
        lines += [] if new is None else [f"+{name}: {new}"]
    return tuple(lines)


def text_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Lines as of diff(1), the first ones of many. before, after: texts by file name."""
    lines: list[str] = []
    for name in names_changed(before, after):
        lines += _difference(name, before.get(name, "").splitlines(), after.get(name, "").splitlines())
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"... {len(lines) - MOST_LINES} more lines"]
    return tuple(lines)


def flat(settings: object, name: str = "") -> dict[str, str]:
    """Each value of nested maps by its dotted name; a list is one value, as JSON."""
    if isinstance(settings, dict):
        found: dict[str, str] = {}
        for key, value in settings.items():
            found |= flat(value, f"{name}.{key}" if name else str(key))
        return found
    return {name: settings if isinstance(settings, str) else json.dumps(settings, ensure_ascii=False)}


def _of_secret(old: str | None, new: str | None) -> str:
    if not new:
        return "removed"
    return "changed" if old else "set"


def _difference(name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Of what stands between a common beginning and end, which difflib would take long to find in large files."""
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    if len(old) * len(new) > _COMPARED:
        yield f"--- {name}: {len(old)} lines after line {first} became {len(new)}"
        return
    for line in difflib.unified_diff(old, new, name, name, lineterm="", n=0):
        yield _HUNK.sub(lambda at: f"@@ -{int(at[1]) + first}{at[2]} +{int(at[3]) + first}{at[4]} @@", line)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines they begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))
