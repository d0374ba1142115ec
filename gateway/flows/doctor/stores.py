"""Tries Postgres and Redis as a worker does: the connection, what we may do there, and their clocks."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from gateway.core.errors import StoreOutage, StoreUnavailable
from gateway.flows.doctor.diagnosis import Diagnosis, Health, failed, ok, warning
from gateway.flows.operate.readiness import Readiness
from gateway.flows.transaction import NotAllowed, RecordUnavailable, transaction
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.key_checks import WrongKey, agree
from gateway.stores.postgres.migrate import MigrationFailed, missing
from gateway.stores.postgres.replication import loses_commits
from gateway.stores.postgres.roles import ROLE_ADVICE, overreach
from gateway.stores.postgres.vault import NoMasterKey
from gateway.stores.redis.access import NEEDED, NEEDED_IN_CLUSTER, excesses, lacks, risks
from gateway.stores.redis.decisions import Functions
from gateway.stores.redis.outage import advised
from gateway.stores.redis.pipeline import Pipeline

_OLDEST_POSTGRES: Final = 160_000  # server_version_num
_OTHER_CONNECTIONS: Final = 10  # commands, and those that Postgres keeps for administrators
_REDIS_USER: Final = "redis user"
_SKEW_S: Final = 1.0
_LARGE_SKEW_S: Final = 30.0
_SELECT_SERVER: Final = """
    SELECT current_setting('server_version') AS version,
           current_setting('server_version_num')::integer AS number,
           current_setting('max_connections')::integer AS connections,
           extract(epoch FROM clock_timestamp())::double precision AS now
"""


@dataclass(frozen=True, slots=True)
class StoresExam:
    """connections: of all workers of this node. several_hosts: of Postgres, and loss is not accepted.

    owner_serves: a role that can change the audit log is accepted. user, in_cluster: how Redis is reached.
    enforced: in production. clock_us: this machine's.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    functions: Functions
    keys: Mapping[str, bytes]
    connections: int
    several_hosts: bool
    owner_serves: bool
    user: str
    in_cluster: bool
    enforced: bool
    clock_us: Callable[[], int]

    async def postgres(self) -> list[Diagnosis]:
        try:
            async with transaction(self.pool) as connection:
                return await self._of_postgres(connection)
        except (RecordUnavailable, NotAllowed) as error:
            return [_unavailable("postgres", error)]

    async def redis(self) -> list[Diagnosis]:
        """Rights first: what follows from a right that lacks is no finding of its own."""
        try:
            found = [finding for server in self.functions.servers for finding in await self._of_redis(server)]
            if any(finding.check == _REDIS_USER and finding.health is Health.FAILED for finding in found):
                return found
            await Readiness(self.pool, self.functions, self.keys).try_redis()
        except StoreUnavailable as error:
            return [_unavailable("redis", error)]
        return [ok("redis", "answers and accepts writes"), *found]

    async def _of_postgres(self, connection: AnyConnection) -> list[Diagnosis]:
        row = await connection.fetchrow(_SELECT_SERVER)
        assert row is not None
        skew_s = row["now"] - self.clock_us() / 1e6
        found = [_clock("clock of postgres", skew_s), await self._schema(connection)]
        if row["number"] < _OLDEST_POSTGRES:
            return [failed("postgres", f"version {row['version']}", "Bastion needs Postgres 16 or newer"), *found]
        if row["connections"] < self.connections + _OTHER_CONNECTIONS:
            found.append(
                warning(
                    "postgres connections",
                    f"max_connections is {row['connections']}, and this node may need {self.connections}",
                    "raise it, or lower database.pool_size or server.workers",
                )
            )
        if self.several_hosts and (why := await loses_commits(connection)):
            advice = "set it on the primary, or set database.accept_loss: true"
            found.append(self._judged("postgres failover", f"{why}: a failover may lose a logout", advice))
        found.append(await self._role(connection))
        return [ok("postgres", f"version {row['version']}"), *found]

    async def _role(self, connection: AnyConnection) -> Diagnosis:
        too_wide = await overreach(connection)
        if not too_wide:
            return ok("postgres role", "can't change the audit log")
        judged = warning if self.owner_serves else self._judged
        return judged("postgres role", f"{too_wide}, so it can change the audit log", ROLE_ADVICE)

    async def _schema(self, connection: AnyConnection) -> Diagnosis:
        """A mark that is left for the first time is taken back: the doctor changes nothing."""
        try:
            lacking = await missing(connection)
            if lacking:
                return failed("schema", f"lacks {', '.join(lacking)}", "bastion migrate")
            attempt = connection.transaction()
            await attempt.start()
            try:
                await agree(connection, self.keys)
            finally:
                await attempt.rollback()
        except (MigrationFailed, NoMasterKey, WrongKey) as error:
            return failed("schema", str(error))
        return ok("schema", "has this version, and was made with these keys")

    async def _of_redis(self, server: Pipeline) -> list[Diagnosis]:
        """Of a cluster, one primary of several."""
        needed = f"ACL SETUSER {self.user or 'bastion'} {NEEDED_IN_CLUSTER if self.in_cluster else NEEDED}"
        if lacking := await lacks(server):
            return [failed(_REDIS_USER, f"may not {' '.join(lacking)} ({server.server})", needed)]
        seconds, micros = await _time_of(server)
        found = [_clock("clock of redis", seconds + micros / 1e6 - self.clock_us() / 1e6)]
        if too_wide := await excesses(server):
            found.append(self._judged(_REDIS_USER, f"is allowed {', '.join(too_wide)}", needed))
        else:
            found.append(ok(_REDIS_USER, f"has the rights that Bastion needs, and no more ({server.server})"))
        return [*found, *(warning("redis settings", risk) for risk in await risks(server))]

    def _judged(self, check: str, detail: str, advice: str) -> Diagnosis:
        """Production refuses to serve with it."""
        return (failed if self.enforced else warning)(check, detail, advice)


async def examine_stores(exam: StoresExam) -> list[Diagnosis]:
    """Both at once, because each may take its time to fail."""
    postgres, redis = await asyncio.gather(exam.postgres(), exam.redis())
    return [*postgres, *redis]


async def _time_of(server: Pipeline) -> tuple[int, int]:
    """Raises StoreUnavailable."""
    answer = await server.ask(("TIME",))
    if not isinstance(answer, list):
        raise StoreUnavailable("Redis does not tell its time")
    seconds, micros = answer
    return int(seconds), int(micros)


def _unavailable(check: str, error: StoreOutage) -> Diagnosis:
    outage = advised(error.outage) if check == "redis" else error.outage
    return failed(check, str(replace(outage, advice="")), outage.advice)


def _clock(check: str, skew_s: float) -> Diagnosis:
    """skew_s: how far the server is ahead of this machine."""
    if abs(skew_s) <= _SKEW_S:
        return ok(check, "agrees with this machine's")
    detail = f"is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    judged = failed if abs(skew_s) > _LARGE_SKEW_S else warning
    return judged(check, detail, "run NTP (chrony or systemd-timesyncd) on both machines")
