"""Searches the audit log. Reading is an act: the entry of it is committed before anything is shown (threats.md E24)."""

import json
from dataclasses import asdict, dataclass
from typing import Final

from gateway.core.audit.evidence_events import AuditRead
from gateway.flows.act import Acts
from gateway.flows.evidence.audit_entries import Listed, named
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit_search import AuditSearch, Filters
from gateway.stores.postgres.users import Users

MOST_SCANNED: Final = 10_000
_PAGE: Final = 500


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """limit: of entries that are shown. contains: a word in what is shown of an entry. repr: it may hold words."""

    filters: Filters
    limit: int
    contains: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """entries: the newest first. scanned: how many were opened for `contains`. is_all: there are no more.

    before: the position to go on with; 0: the last one that was looked at has none yet.
    """

    entries: list[Listed]
    scanned: int
    is_all: bool
    before: int


async def search(acts: Acts, asked: Asked, operator: str) -> Found:
    """Raises RecordUnavailable, and UnknownPosition."""
    found = await (_plain(acts, asked) if asked.contains is None else _scan(acts, asked, asked.contains))
    await acts.tell(_read(asked, len(found.entries)), operator=operator)
    return found


async def _plain(acts: Acts, asked: Asked) -> Found:
    page = await _page(acts, asked.filters, asked.limit + 1, None)
    shown = page[: asked.limit]
    return Found(shown, 0, len(page) <= asked.limit, shown[-1].position if shown else 0)


async def _scan(acts: Acts, asked: Asked, word: str) -> Found:
    """Some hundreds at a time, each in a transaction of its own."""
    hits, scanned, last = list[Listed](), 0, None
    while scanned < MOST_SCANNED:
        page = await _page(acts, asked.filters, _PAGE, None if last is None else last.id)
        for one in page:
            if len(hits) == asked.limit:
                return Found(hits, scanned, is_all=False, before=0 if last is None else last.position)
            scanned, last = scanned + 1, one
            hits += [one] if _holds(one, word) else []
        if len(page) < _PAGE:
            return Found(hits, scanned, is_all=True, before=0)
    return Found(hits, scanned, is_all=False, before=0 if last is None else last.position)


async def _page(acts: Acts, filters: Filters, limit: int, before_id: int | None) -> list[Listed]:
    async with transaction(acts.pool) as connection:
        found = await AuditSearch(connection, acts.vault).newest(filters, limit, before_id)
        return await named(Users(connection, acts.vault), found)


def _holds(one: Listed, word: str) -> bool:
    shown = json.dumps([one.kind, one.actor, one.subject, dict(one.detail), dict(one.personal)], ensure_ascii=False)
    return word.casefold() in shown.casefold()


def _read(asked: Asked, entries: int) -> AuditRead:
    """The words that were asked for may be personal, so they are sealed; under the person's key where one is named."""
    filters = {name: value for name, value in asdict(asked.filters).items() if value is not None}
    if asked.contains is not None:
        filters["contains"] = asked.contains
    if asked.filters.kinds is not None:
        filters["kinds"] = [one.value for one in asked.filters.kinds]
    query = json.dumps(filters, default=str, sort_keys=True, ensure_ascii=False)
    return AuditRead(asked.filters.subject, tuple(sorted(filters)), entries, query)
