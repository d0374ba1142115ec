"""Judges Redis and Postgres as they are: what production refuses, and what it advises against."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from gateway.core.errors import GatewayError, StoreUnavailable
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.replication import loses_commits
from gateway.stores.postgres.roles import ROLE_ADVICE, overreach
from gateway.stores.redis.access import NEEDED, NEEDED_IN_CLUSTER, excesses, risks, unread
from gateway.stores.redis.decisions import Functions


class UnsafeServer(GatewayError):
    """A server is not as the promises need it; the message names what is wrong and what is right."""


@dataclass(slots=True)
class Safeguards:
    """user, in_cluster: how Redis is reached. enforced: in production; otherwise it is only said.

    asks_standbys: failover is possible, and loss not accepted. asks_role: the owner of the tables may not serve.
    tell: hears of each thing that is only said.
    note: hears of what could not be looked at.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    functions: Functions
    user: str
    in_cluster: bool
    enforced: bool
    asks_standbys: bool
    asks_role: bool
    tell: Callable[[str], None]
    note: Callable[[str], None]
    redis_judged: bool = False
    postgres_judged: bool = False

    @property
    def judged(self) -> bool:
        return self.redis_judged and self.postgres_judged

    async def judge(self) -> None:
        """What answers and was not judged yet; a server that is away is judged when it is back. Raises UnsafeServer."""
        if not self.postgres_judged:
            with suppress(RecordUnavailable):
                await self._judge_postgres()
        if not self.redis_judged:
            with suppress(StoreUnavailable):
                await self._judge_redis()

    async def _judge_redis(self) -> None:
        """Of a cluster, all primaries of now."""
        too_wide: list[str] = []
        advised_against: list[str] = []
        hidden: list[str] = []
        for server in self.functions.servers:
            too_wide += await excesses(server)
            advised_against += await risks(server)
            hidden += await unread(server)
        self.redis_judged = True
        for setting in dict.fromkeys(hidden):
            self.note(f"Redis: {setting}")
        for risk in dict.fromkeys(advised_against):
            self.tell(f"Redis: {risk}")
        if too_wide:
            user, needed = self.user or "bastion", NEEDED_IN_CLUSTER if self.in_cluster else NEEDED
            self._refuse(
                f"redis.url: its user is allowed {', '.join(dict.fromkeys(too_wide))} (docs/threat-model.md, R14);"
                f" expected one with only: ACL SETUSER {user} {needed}"
            )

    async def _judge_postgres(self) -> None:
        async with transaction(self.pool) as connection:
            too_wide = await overreach(connection)
            why = await loses_commits(connection) if self.asks_standbys else ""
        self.postgres_judged = True
        if too_wide:
            message = f"database.url: its role {too_wide}, so it can change the audit log; {ROLE_ADVICE}"
            (self._refuse if self.asks_role else self.tell)(message)
        if why:
            self._refuse(
                f"database.url: names several hosts, but {why} on the primary: a failover may lose a logout or a"
                " disabled account that was confirmed; set it, or set database.accept_loss: true"
            )

    def _refuse(self, message: str) -> None:
        if self.enforced:
            raise UnsafeServer(message)
        self.tell(message)
