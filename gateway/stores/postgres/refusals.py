"""Samples of refused requests, sealed, and how many decisions there were: what the console says of decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.principal.ask import Presented
from gateway.core.privacy.sealing import NOBODY, Place
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.system_keys import Purpose, SystemKeys
from gateway.stores.postgres.vault import Vault

_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_BATCH: Final = 10_000
_MOST_KINDS: Final = 200
_OWNERS: Final = """
    SELECT id, user_id FROM logins WHERE id = ANY($1::bytea[])
    UNION ALL SELECT id, user_id FROM grants WHERE id = ANY($1::bytea[]) AND user_id IS NOT NULL
    UNION ALL SELECT id, user_id FROM api_keys WHERE id = ANY($1::bytea[])
"""
_ADD: Final = """
    INSERT INTO refusals (request_id, at, subject, route, reason, outcome, n, sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_GROW: Final = "UPDATE refusals SET n = n + $2 WHERE request_id = $1"
_COLUMNS: Final = "id, request_id, at, subject, route, reason, outcome, n"
_FIND: Final = f"SELECT {_COLUMNS}, sealed FROM refusals WHERE request_id = $1 ORDER BY id LIMIT 1"  # noqa: S608 - constants
_HAS: Final = "SELECT 1 FROM refusals WHERE request_id = $1 LIMIT 1"
_LATEST: Final = f"""
    SELECT {_COLUMNS} FROM refusals WHERE $2::bigint = 0 OR id < $2 ORDER BY id DESC LIMIT $1
"""  # noqa: S608 - constants
_PURGE: Final = """
    DELETE FROM refusals WHERE id IN (
        SELECT id FROM refusals
         WHERE at < $1 OR id <= (SELECT id FROM refusals ORDER BY id DESC OFFSET $2 LIMIT 1) ORDER BY id LIMIT $3)
"""
_COUNT: Final = """
    INSERT INTO decision_counts AS c (at, route, outcome, reason, n) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (at, route, outcome, reason) DO UPDATE SET n = c.n + excluded.n
"""
_COUNTS: Final = """
    SELECT route, outcome, reason, coalesce(sum(n) FILTER (WHERE at >= $2), 0)::bigint AS hour, sum(n)::bigint AS day
      FROM decision_counts WHERE at >= $1 GROUP BY route, outcome, reason
     ORDER BY (outcome = 'allow'), day DESC, route, outcome, reason LIMIT $3
"""
_TOTALS: Final = """
    SELECT outcome, coalesce(sum(n) FILTER (WHERE at >= $2), 0)::bigint AS hour, sum(n)::bigint AS day
      FROM decision_counts WHERE at >= $1 GROUP BY outcome ORDER BY day DESC, outcome
"""
_PURGE_COUNTS: Final = "DELETE FROM decision_counts WHERE at < $1"


@dataclass(frozen=True, slots=True)
class RefusalSample:
    """subject None: a stranger. n: how many alike it stands for. at: Unix seconds. id: of its row, 0 before."""

    request_id: str
    at: int
    subject: UUID | None
    route: str
    reason: str
    outcome: str
    n: int = 1
    id: int = 0


@dataclass(frozen=True, slots=True)
class CountedKind:
    """Decisions of one kind in the last hour and in the last day."""

    route: str
    outcome: str
    reason: str
    hour: int
    day: int


class RefusalRows:
    """Bound to one connection, in a transaction."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def owners(self, presented: Sequence[Presented]) -> dict[str, UUID]:
        """Whose the logins, grants and keys are, by their ids as Redis has them."""
        by_id = {one.login_id: one.login for one in presented}
        rows = await self._connection.fetch(_OWNERS, list(by_id)) if by_id else []
        return {by_id[row["id"]]: row["user_id"] for row in rows}

    async def add(self, samples: Sequence[tuple[RefusalSample, Mapping[str, str]]]) -> int:
        """With the facts of each. Who was erased meanwhile is left out; how many were added."""
        subjects = {sample.subject for sample, _ in samples if sample.subject is not None}
        by_person, system = await self._vault.keys_of(self._connection, subjects), None
        if any(sample.subject is None for sample, _ in samples):
            system = await SystemKeys(self._connection, self._vault).of(Purpose.REFUSALS)
        rows = []
        for one, facts in samples:
            key = system if one.subject is None else by_person.get(one.subject)
            if key is not None:
                sealed = key.seal(_place(one.subject), facts)
                rows.append((one.request_id, one.at, one.subject, one.route, one.reason, one.outcome, one.n, sealed))
        await self._connection.executemany(_ADD, rows)
        return len(rows)

    async def grow(self, more: Mapping[str, int]) -> None:
        """Samples that are there stand for so many more, by their request ids."""
        await self._connection.executemany(_GROW, sorted(more.items()))

    async def find(self, request_id: str) -> tuple[RefusalSample, dict[str, str]] | None:
        """With its facts. Raises BrokenSeal."""
        row = await self._connection.fetchrow(_FIND, request_id)
        if row is None:
            return None
        sample = _sample(row)
        if sample.subject is None:
            key = await SystemKeys(self._connection, self._vault).of(Purpose.REFUSALS)
        else:
            key = await self._vault.key_of(self._connection, sample.subject)
        return sample, key.unseal(_place(sample.subject), row["sealed"])

    async def has(self, request_id: str) -> bool:
        return await self._connection.fetchval(_HAS, request_id) is not None

    async def latest(self, most: int, before: int = 0) -> list[RefusalSample]:
        """The newest first. before: the id of the last one of the page before, 0 for the newest."""
        return [_sample(row) for row in await self._connection.fetch(_LATEST, most, before)]

    async def purge(self, before: int, most: int) -> int:
        """Those that are older, and the oldest beyond so many; some thousands at a time. How many."""
        done: str = await self._connection.execute(_PURGE, before, most, _BATCH)
        return int(done.rpartition(" ")[2])


class DecisionCounts:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, minute: int, counts: Mapping[tuple[str, str, str], int]) -> None:
        """In one order, so that workers wait for each other and never in a circle."""
        rows = [(minute, *kind, n) for kind, n in sorted(counts.items())]
        await self._connection.executemany(_COUNT, rows)

    async def kinds(self, now: int) -> list[CountedKind]:
        """The refused first, then the most frequent."""
        found = await self._connection.fetch(_COUNTS, now - _DAY_S, now - _HOUR_S, _MOST_KINDS)
        return [CountedKind(**row) for row in found]

    async def totals(self, now: int) -> list[tuple[str, int, int]]:
        """Outcome, in the last hour, in the last day."""
        return [tuple(row) for row in await self._connection.fetch(_TOTALS, now - _DAY_S, now - _HOUR_S)]

    async def purge(self, before: int) -> None:
        await self._connection.execute(_PURGE_COUNTS, before)


def _sample(row: asyncpg.Record) -> RefusalSample:
    names = ("id", "request_id", "at", "subject", "route", "reason", "outcome", "n")
    return RefusalSample(**{name: row[name] for name in names})


def _place(subject: UUID | None) -> Place:
    return Place("refusals", "sealed", NOBODY if subject is None else subject)
