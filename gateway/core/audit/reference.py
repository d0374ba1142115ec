"""Writes the list of kinds in docs/audit.md, from the catalogue."""

from collections.abc import Iterator
from typing import Final

from gateway.core.audit.catalogue import CATALOGUE, names
from gateway.core.audit.event import Event, Family, Part

_INTRODUCTION: Final = """\
## Kinds of entries

`bastion audit list --kind` takes a kind. `actor` is the account that acted, `subject` the person that the entry is
about. Fields in **bold** are personal, so the log stores them encrypted. An entry leaves out fields that do not apply.
The last column names a metric that counts such events as they happen.

`bastion audit kinds` prints this section.
"""


def reference() -> str:
    """The last section of docs/audit.md."""
    return "\n".join([_INTRODUCTION, *(line for family in Family for line in _chapter(family))])


def _chapter(family: Family) -> Iterator[str]:
    yield f"### {family.value}"
    yield ""
    yield "| kind | who acts | severity | meaning | fields | metric |"
    yield "|---|---|---|---|---|---|"
    for event in CATALOGUE:
        if event.about.family is family:
            yield _row(event)
    yield ""


def _row(event: type[Event]) -> str:
    about = event.about
    metric = f"`{about.metric}`" if about.metric else ""
    cells = (f"`{event.kind.value}`", about.by.value, about.severity.value, about.meaning, _fields(event), metric)
    return f"| {' | '.join(cells)} |".replace("  ", " ")


def _fields(event: type[Event]) -> str:
    kept = [f"`{name}`" for name in names(event, Part.DETAIL)]
    return ", ".join([*kept, *(f"**`{name}`**" for name in names(event, Part.PERSONAL))])
