"""Writes docs/data.md from the map of data."""

from collections.abc import Iterator
from typing import Final

from gateway.core.privacy.inventory import FILES, LOG_PSEUDONYMOUS, LOG_TECHNICAL, REDIS, Kept, Nature, Table
from gateway.core.privacy.inventory_tables import APPS, EVIDENCE, OPERATION, PEOPLE

_INTRODUCTION: Final = """\
# Map of data

For data protection officers, as the basis of a record of processing (GDPR Article 30), and for whoever answers where
something is kept. `bastion data` prints this page.

- **personal**: tells something of a person. **secret**: opens something. **pseudonymous**: an id or a keyed digest,
  which tells nothing without other data. **technical**: nothing of people.
- "key" says what the value is encrypted or hashed with.
- [privacy.md](privacy.md) says how erasure works, and what is out of its reach.
"""
_HEADS: Final = {
    "People": PEOPLE,
    "Apps and tokens": APPS,
    "The audit log, erasure and consent": EVIDENCE,
    "Operation": OPERATION,
}


def reference() -> str:
    """docs/data.md."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    for head, tables in _HEADS.items():
        yield f"## {head}\n"
        for table in tables:
            yield from _table(table)
    yield "## Redis\n"
    yield from _kept(REDIS)
    yield "## Files\n"
    yield "`data` is `data_dir`, `checkpoints` is `audit.checkpoint_dir`.\n"
    yield from _kept(FILES)
    yield "## Fields of the log\n"
    yield "Bastion writes the log to standard error and keeps none itself. No field has a name or an address.\n"
    yield f"- {Nature.PSEUDONYMOUS.value}: {_listed(LOG_PSEUDONYMOUS)}"
    yield f"- {Nature.TECHNICAL.value}: {_listed(LOG_TECHNICAL)}\n"


def _table(table: Table) -> Iterator[str]:
    erased = f" Erasure: {table.erased}." if table.erased else ""
    yield f"### `{table.name}`\n"
    yield f"{table.purpose[0].upper()}{table.purpose[1:]}. Kept: {table.kept}.{erased}\n"
    yield "| column | what | key |\n|---|---|---|"
    for item in table.items():
        yield f"| `{item.place.partition('.')[2]}` | {item.nature.value} | {item.under.value} |"
    yield ""


def _kept(kinds: tuple[Kept, ...]) -> Iterator[str]:
    yield "| name | holds | what | key | kept | erasure |\n|---|---|---|---|---|---|"
    for one in kinds:
        item = one.item
        cells = (f"`{one.shown}`", one.purpose, item.nature.value, item.under.value, item.kept, item.erased)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
