"""Finds entries of the audit log by what they have in common, each time by an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.audit.entries import Kind
from gateway.core.errors import GatewayError
from gateway.core.privacy.periods import month_of
from gateway.stores.postgres.audit import ADDRESS, READ, Audit, ReadEntry
from gateway.stores.postgres.period_keys import PeriodKeys
from gateway.stores.postgres.vault import Vault

_LAST_SECOND: Final = 253_402_300_799  # of the year 9999
_LAST_ID: Final = 2**63 - 1
# With the values that are asked for, whatever is NULL falls out of the plan.
_PLAN_BY_VALUES: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
# Times and ids grow together, but not strictly: the bounds in ids tell where to look, and the times are looked at too.
# Without MATERIALIZED Postgres may look for the smallest id from the first one on.
FIND_SPAN: Final = """
    WITH spanned AS MATERIALIZED (SELECT id FROM audit_entries WHERE at >= $1 AND at < $2)
    SELECT min(id) AS first, max(id) AS last FROM spanned
"""
_ENTRY_AT: Final = "SELECT entry_id FROM audit_links WHERE position = $1"
SEARCH: Final = f"""
    {READ}
     WHERE ($1::uuid IS NULL OR e.subject = $1)
       AND ($2::text IS NULL OR e.actor = $2)
       AND ($3::text IS NULL OR e.kind = $3)
       AND ($4::text[] IS NULL OR e.kind = ANY($4))
       AND ($5::boolean IS NULL OR e.kind <> 'login' OR ((e.detail::jsonb) ? 'host') = $5)
       AND ($6::bigint IS NULL OR e.at >= $6)
       AND ($7::bigint IS NULL OR e.at < $7)
       AND e.id BETWEEN $8 AND $9
       AND ($10::bytea[] IS NULL OR e.id = ANY(ARRAY(SELECT entry_id FROM audit_terms WHERE term = ANY($10))))
       AND ($11::text IS NULL OR (e.detail::jsonb) ->> 'login' = $11)
       AND ($12::text IS NULL OR e.request_id = $12)
       AND ($13::text IS NULL OR (e.detail::jsonb) ->> 'host' = $13)
       AND ($14::text IS NULL OR (e.detail::jsonb) ->> 'route' = $14)
     ORDER BY e.id DESC LIMIT $15
"""  # noqa: S608 - constants


class UnknownPosition(GatewayError):
    """No entry has this position."""


@dataclass(frozen=True, slots=True, repr=False)
class Filters:
    """All have to hold; what is None is not asked for. subject: whom it is about. actor: as entries have it.

    since, until: Unix seconds, until excluded. before: a position; only entries that were written before that one.
    repr is left out: it holds an address.
    """

    subject: UUID | None = None
    actor: str | None = None
    kinds: tuple[Kind, ...] | None = None
    since: int | None = None
    until: int | None = None
    address: str | None = None
    login: str | None = None
    request_id: str | None = None
    host: str | None = None
    route: str | None = None
    before: int | None = None


class AuditSearch:
    """Bound to one connection, in a transaction."""

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def newest(self, filters: Filters, limit: int, before_id: int | None = None) -> list[ReadEntry]:
        """The newest first. before_id: an entry; only those with smaller ids. Raises UnknownPosition."""
        await self._connection.execute(_PLAN_BY_VALUES)
        values = await self.values(filters, before_id)
        if values is None:
            return []
        rows = await self._connection.fetch(SEARCH, *values, limit)
        return await Audit(self._connection, self._vault).read(rows)

    async def values(self, filters: Filters, before_id: int | None = None) -> tuple[object, ...] | None:
        """What SEARCH is asked with; None: nothing can be found."""
        span = await self._span(filters, before_id)
        terms = None if filters.address is None else await self._terms(filters, filters.address)
        if span is None or terms == []:
            return None
        kind, kinds, is_handoff = _kinds(filters.kinds)
        return (
            filters.subject,
            filters.actor,
            kind,
            kinds,
            is_handoff,
            filters.since,
            filters.until,
            *span,
            terms,
            filters.login,
            filters.request_id,
            filters.host,
            filters.route,
        )

    async def _span(self, filters: Filters, before_id: int | None) -> tuple[int, int] | None:
        """The first and the last id to look at; None: no entry is of that time."""
        last = _LAST_ID if before_id is None else before_id - 1
        if filters.before is not None:
            found = await self._connection.fetchval(_ENTRY_AT, filters.before)
            if found is None:
                raise UnknownPosition(f"the audit log has no position {filters.before}")
            last = min(last, found - 1)
        if filters.since is None and filters.until is None:
            return 0, last
        row = await self._connection.fetchrow(FIND_SPAN, filters.since or 0, _end(filters))
        assert row is not None
        return None if row["first"] is None else (row["first"], min(last, row["last"]))

    async def _terms(self, filters: Filters, address: str) -> list[bytes]:
        """Of each month that is not destroyed. An entry of a destroyed month lies in a later one."""
        keys = PeriodKeys(self._connection, self._vault)
        return [one.term(ADDRESS, address) for one in await keys.kept_since(month_of(filters.since or 0))]


def _end(filters: Filters) -> int:
    return _LAST_SECOND if filters.until is None else filters.until


def _kinds(kinds: Sequence[Kind] | None) -> tuple[str | None, list[str] | None, bool | None]:
    """One kind, or several, and whether a login with a host is among them: that was a hand-off once (E13)."""
    if kinds is None:
        return None, None, None
    asked = {one.value for one in kinds}
    logins, handoffs = Kind.LOGIN.value in asked, Kind.SESSION_OPENED.value in asked
    is_handoff = None if logins == handoffs else handoffs
    stored = sorted(asked | {Kind.LOGIN.value} if handoffs else asked)
    return (stored[0], None, is_handoff) if len(stored) == 1 else (None, stored, is_handoff)
