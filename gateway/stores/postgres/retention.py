"""Takes what is too old, a batch at a time, and keeps what each run took. All times are of Postgres' clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.privacy.periods import month_of
from gateway.core.privacy.retention import RetentionRule
from gateway.stores.postgres.database import AnyConnection

BATCH: Final = 1_000
BATCH_OF_RUNS: Final = 35  # of controls: some thousand rows
_AHEAD_S: Final = 300
_NOW: Final = "SELECT floor(extract(epoch FROM now()))::bigint"
_NEWEST: Final = "SELECT coalesce(max(at), 0) FROM (SELECT at FROM audit_entries ORDER BY id DESC LIMIT 100) newest"
_FREE: Final = """
    NOT EXISTS (SELECT FROM holds h WHERE h.lifted_at IS NULL AND (h.ends_at IS NULL OR h.ends_at > $2)
                   AND (h.user_id IS NULL OR h.user_id = l.user_id))
"""
# A grant that outlives its login refers to it, and goes with its row.
_OLD_LOGINS: Final = f"""
    SELECT l.id FROM logins l
     WHERE (l.ended_at <= $1 OR (l.ended_at IS NULL AND least(l.expires_at, l.last_seen_at + l.idle_s) <= $1))
       AND NOT EXISTS (SELECT FROM grants g WHERE g.login_id = l.id AND g.ended_at IS NULL AND g.expires_at > $2)
       AND {_FREE}
"""  # noqa: S608 - constants
_LIST_LOGINS: Final = f"SELECT id FROM ({_OLD_LOGINS}) old ORDER BY id"  # noqa: S608 - constants
_TAKE_LOGINS: Final = f"""
    DELETE FROM logins WHERE id IN ({_OLD_LOGINS} LIMIT {BATCH} FOR UPDATE OF l SKIP LOCKED) RETURNING id
"""  # noqa: S608 - constants
# Of what may be offered once more, the newest of a destination keeps it from being sent once more.
_OLD_MESSAGES: Final = f"""
    SELECT l.id FROM outbox l
     WHERE l.state <> 'waiting' AND l.done_at <= to_timestamp($1::bigint)
       AND (l.kind NOT IN ('checkpoint', 'webhook')
            OR l.id < (SELECT max(n.id) FROM outbox n WHERE n.destination = l.destination))
       AND {_FREE}
"""  # noqa: S608 - constants
_LIST_MESSAGES: Final = f"SELECT id FROM ({_OLD_MESSAGES}) old ORDER BY id"  # noqa: S608 - constants
_TAKE_MESSAGES: Final = f"""
    DELETE FROM outbox WHERE id IN ({_OLD_MESSAGES} LIMIT {BATCH} FOR UPDATE OF l SKIP LOCKED) RETURNING id
"""  # noqa: S608 - constants
_OLD_MONTHS: Final = "SELECT month FROM audit_period_keys WHERE month < $1 AND wrapped IS NOT NULL ORDER BY month"
_ALL_HELD: Final = """
    SELECT 1 FROM holds WHERE user_id IS NULL AND lifted_at IS NULL AND (ends_at IS NULL OR ends_at > $1) LIMIT 1
"""
# A hold for everybody may have come since the months were listed.
_DESTROY: Final = f"""
    UPDATE audit_period_keys SET wrapped = NULL, destroyed_at = $2
     WHERE month = $1 AND wrapped IS NOT NULL AND NOT EXISTS ({_ALL_HELD.replace("$1", "$2")})
    RETURNING month
"""  # noqa: S608 - constants
_TAKE_TERMS: Final = f"""
    DELETE FROM audit_terms WHERE (term, entry_id) IN (
        SELECT t.term, t.entry_id FROM audit_terms t JOIN audit_entries e ON e.id = t.entry_id
         WHERE to_char(to_timestamp(e.at) AT TIME ZONE 'UTC', 'YYYY-MM') = $1
           AND NOT EXISTS ({_ALL_HELD.replace("$1", "$2")}) LIMIT {BATCH}) RETURNING entry_id
"""  # noqa: S608 - constants
# The table is append-only for our role: a function of the owner takes whole runs, and none of the last year.
_OLD_RESULTS: Final = f"""
    SELECT DISTINCT run FROM control_results
     WHERE at <= $1 AND run < (SELECT max(run) FROM control_results)
       AND NOT EXISTS ({_ALL_HELD.replace("$1", "$2")}) ORDER BY run
"""  # noqa: S608 - constants
_TAKE_RESULTS: Final = f"""
    SELECT take_control_results($1, {BATCH_OF_RUNS}) WHERE NOT EXISTS ({_ALL_HELD.replace("$1", "$2")})
"""
_ADD_RUN: Final = "INSERT INTO retention_runs (rule, at, taken, stopped, wanted) VALUES ($1, $2, $3, $4, $5)"
_LAST_RUNS: Final = """
    SELECT DISTINCT ON (rule) rule, at, taken, stopped, wanted FROM retention_runs ORDER BY rule, id DESC
"""
_LAST_GOOD: Final = "SELECT at FROM retention_runs WHERE rule = $1 AND stopped = '' ORDER BY id DESC LIMIT 1"
_LAST_STOPPED: Final = """
    SELECT id, wanted FROM (SELECT id, wanted FROM retention_runs WHERE rule = $1 ORDER BY id DESC LIMIT 1) newest
     WHERE wanted > 0
"""
_APPROVE: Final = "INSERT INTO retention_approvals (run_id, approved_by, at) VALUES ($1, $2, $3)"
# Only what the newest run wanted: each later run needs an approval of its own.
_APPROVED: Final = """
    SELECT rule, wanted FROM (SELECT DISTINCT ON (rule) id, rule, wanted FROM retention_runs ORDER BY rule, id DESC) r
     WHERE EXISTS (SELECT FROM retention_approvals a WHERE a.run_id = r.id)
"""


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """stopped: why nothing was taken; "" where it went well. wanted: how many were too many for a run that nobody has
    approved; 0: nothing that could be approved stopped it. at: Unix seconds.
    """

    rule: RetentionRule
    at: int
    taken: int
    stopped: str
    wanted: int = 0


class RetentionRows:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def now(self) -> int:
        """Unix seconds."""
        return int(await self._connection.fetchval(_NOW))

    async def is_ahead(self) -> bool:
        """Whether the log has entries of the future: a clock was set, and nothing is to be taken by it."""
        return int(await self._connection.fetchval(_NEWEST)) > await self.now() + _AHEAD_S

    async def logins(self, until: int, now: int) -> list[bytes]:
        return [row["id"] for row in await self._connection.fetch(_LIST_LOGINS, until, now)]

    async def take_logins(self, until: int, now: int) -> int:
        """BATCH at most; how many."""
        return len(await self._connection.fetch(_TAKE_LOGINS, until, now))

    async def messages(self, until: int, now: int) -> list[int]:
        """Of the outbox."""
        return [row["id"] for row in await self._connection.fetch(_LIST_MESSAGES, until, now)]

    async def take_messages(self, until: int, now: int) -> int:
        """BATCH at most; how many."""
        return len(await self._connection.fetch(_TAKE_MESSAGES, until, now))

    async def months(self, until: int, now: int) -> list[str]:
        """Those that ended before, and whose key is there; none while a hold keeps everybody."""
        if await self._connection.fetchval(_ALL_HELD, now) is not None:
            return []
        return [row["month"] for row in await self._connection.fetch(_OLD_MONTHS, month_of(until))]

    async def destroy_month(self, month: str, now: int) -> bool:
        """False: it was destroyed before."""
        return await self._connection.fetchval(_DESTROY, month, now) is not None

    async def take_terms(self, month: str, now: int) -> int:
        """What the month's entries are searched by; BATCH at most."""
        return len(await self._connection.fetch(_TAKE_TERMS, month, now))

    async def control_runs(self, until: int, now: int) -> list[int]:
        """Their numbers; none while a hold keeps everybody."""
        return [row["run"] for row in await self._connection.fetch(_OLD_RESULTS, until, now)]

    async def take_control_runs(self, until: int, now: int) -> int:
        """BATCH_OF_RUNS at most; how many."""
        return int(await self._connection.fetchval(_TAKE_RESULTS, until, now) or 0)

    async def add_run(self, run: RetentionRun) -> None:
        await self._connection.execute(_ADD_RUN, run.rule.value, run.at, run.taken, run.stopped, run.wanted)

    async def last_runs(self) -> Sequence[RetentionRun]:
        """Of each rule the newest."""
        return [
            RetentionRun(RetentionRule(row["rule"]), row["at"], row["taken"], row["stopped"], row["wanted"])
            for row in await self._connection.fetch(_LAST_RUNS)
        ]

    async def last_good(self, rule: RetentionRule) -> int | None:
        """When a run last went well, in Unix seconds."""
        at: int | None = await self._connection.fetchval(_LAST_GOOD, rule.value)
        return at

    async def approve(self, rule: RetentionRule, by: str, at: int) -> int | None:
        """Of the newest run, how many it wanted. None: nothing stopped it that could be approved."""
        row = await self._connection.fetchrow(_LAST_STOPPED, rule.value)
        if row is None:
            return None
        await self._connection.execute(_APPROVE, row["id"], by, at)
        return int(row["wanted"])

    async def approved(self) -> dict[RetentionRule, int]:
        """How many the next run of a rule may take unasked, because an operator has approved them."""
        return {RetentionRule(row["rule"]): row["wanted"] for row in await self._connection.fetch(_APPROVED)}


async def rewrite_period_keys(connection: AnyConnection) -> None:
    """Postgres leaves deleted keys in the table's file. Outside of a transaction; a busy table is left for the next."""
    await connection.execute("SET lock_timeout = '300ms'")
    try:
        await connection.execute("VACUUM (FULL) audit_period_keys")
    finally:
        await connection.execute("RESET lock_timeout")
