"""Samples of refused requests, sealed: what the console explains."""

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

_BATCH: Final = 10_000
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


def _sample(row: asyncpg.Record) -> RefusalSample:
    names = ("id", "request_id", "at", "subject", "route", "reason", "outcome", "n")
    return RefusalSample(**{name: row[name] for name in names})


def _place(subject: UUID | None) -> Place:
    return Place("refusals", "sealed", NOBODY if subject is None else subject)
