"""Looks at what a worker stands on, for operators and load balancers."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from gateway.core.errors import StoreUnavailable
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.key_checks import agree
from gateway.stores.postgres.migrate import MigrationFailed, missing
from gateway.stores.redis.decisions import Functions
from gateway.stores.redis.outage import advised

_STILL_THERE: Final = "SELECT 1"


@dataclass(frozen=True, slots=True)
class State:
    """serves: requests can be answered without it, or with it as it is."""

    serves: bool
    detail: str


@dataclass(slots=True)
class Readiness:
    """keys: marks by name, compared with the database's (threats.md D2)."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    functions: Functions
    keys: Mapping[str, bytes]
    _agreed: bool = field(default=False)

    async def agree_on_keys(self) -> None:
        """At start, if Postgres answers: a node with a wrong key must not serve. Raises WrongKey."""
        with suppress(RecordUnavailable):
            async with transaction(self.pool) as connection:
                if not await missing(connection):
                    await agree(connection, self.keys)
                    self._agreed = True

    async def look(self) -> Mapping[str, State]:
        """Postgres away: who is signed in goes on, so that serves; nobody can sign in. Raises WrongKey."""
        return {"postgres": await self._postgres(), "redis": await self._redis()}

    async def try_postgres(self) -> None:
        """Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            await connection.fetchval(_STILL_THERE)

    async def try_redis(self) -> None:
        """By calls that write, as decisions do: a replica, or a primary without its replicas, can't serve them.

        Raises StoreUnavailable.
        """
        try:
            for tag in self.functions.probes:
                await self.functions.ask("stale", [f"{{{tag}}}"])
        except StoreUnavailable as error:
            raise StoreUnavailable(advised(error.outage)) from error

    async def _redis(self) -> State:
        try:
            await self.try_redis()
        except StoreUnavailable as error:
            return State(serves=False, detail=f"only routes for anyone are answered: {error}")
        return State(serves=True, detail="ok")

    async def _postgres(self) -> State:
        try:
            async with transaction(self.pool) as connection:
                lacking = await missing(connection)
        except RecordUnavailable as error:
            return State(serves=self._agreed, detail=f"nobody can log in; people who are logged in go on: {error}")
        except MigrationFailed as error:
            return State(serves=False, detail=str(error))
        if lacking:
            return State(serves=False, detail=f"the schema lacks {', '.join(lacking)}: run bastion migrate")
        if not self._agreed:
            await self.agree_on_keys()
        return State(serves=True, detail="ok")
