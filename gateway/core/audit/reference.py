"""Writes docs/events.md from the catalogue."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Final, get_args

from gateway.core.audit.catalogue import CATALOGUE, names
from gateway.core.audit.event import Event, Family, Part

_INTRODUCTION: Final = """\
# Events

For operators and auditors who search or export the [audit log](audit.md), and for developers who read an export.

Each entry has one of the kinds below. `actor` is the account that acted, `subject` the person that the entry is about.
An entry leaves out fields that do not apply.

- Fields under "kept" stay readable for ever. Each has one of these types: `id` (also of a scope or a group), `word`
  (one of Bastion's own), `number`, `host`, `route` (the name of one), `digest`. None holds text that a person typed.
- Fields under "sealed" are personal, so the log stores them encrypted. [What an entry says about
  people](audit.md#what-an-entry-says-about-people) tells under which keys.
- `bastion audit search --kind` takes a kind, `--family` the word behind a heading.
- The last column names a metric that counts such events as they happen.

`bastion audit kinds` prints this page.
"""


def reference() -> str:
    """docs/events.md."""
    return "\n".join([_INTRODUCTION, *(line for family in Family for line in _chapter(family))]).rstrip() + "\n"


def _chapter(family: Family) -> Iterator[str]:
    yield f"## {family.value}"
    yield ""
    yield f"`--family {family.name.lower()}`"
    yield ""
    yield "| kind | who acts | severity | meaning | kept | sealed | metric |"
    yield "|---|---|---|---|---|---|---|"
    for event in CATALOGUE:
        if event.about.family is family:
            yield _row(event)
    yield ""


def _row(event: type[Event]) -> str:
    about = event.about
    metric = f"`{about.metric}`" if about.metric else ""
    kept = ", ".join(
        f"`{one.name}` {_type(one.type)}" for one in fields(event) if one.name in names(event, Part.DETAIL)
    )
    sealed = ", ".join(f"`{name}`" for name in names(event, Part.PERSONAL))
    cells = (f"`{event.kind.value}`", about.by.value, about.severity.value, about.meaning, kept, sealed, metric)
    return f"| {' | '.join(cells)} |".replace("  ", " ")


def _type(annotated: object) -> str:
    stored, _, shape = get_args(annotated)
    return f"{shape.value}s" if "tuple" in str(stored) else str(shape.value)
