"""What controls look at in tables, and the results of each look. Rows are added and never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.core.compliance.controls import Control, JudgedControl, Look, Result
from gateway.core.compliance.period import Observation
from gateway.core.privacy.sealing import NOBODY, Place
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.replication import loses_commits
from gateway.stores.postgres.roles import overreach
from gateway.stores.postgres.system_keys import Purpose, SystemKeys
from gateway.stores.postgres.vault import Vault

# Each row is one that is looked at: its id, and whether it violates the control. $1: now, in Unix seconds. $2: the
# threshold. $3 and $4: as the flow gives them.
QUERIES: Final[Mapping[str, str]] = {
    "mfa-coverage": """
        SELECT u.id::text AS id, u.created_at < $1::bigint - $2
               AND NOT EXISTS (SELECT FROM totp t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL)
               AND NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = u.id AND p.suspended_at IS NULL) AS bad
          FROM users u WHERE u.state = 'active' AND u.groups && $3::text[]""",
    "owners-with-passkey": """
        SELECT r.user_id::text AS id,
               NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = r.user_id AND p.suspended_at IS NULL) AS bad
          FROM admin_roles r WHERE r.role = 'owner' AND (r.until IS NULL OR r.until > $1)""",
    "stale-accounts": """
        SELECT u.id::text AS id, u.created_at < $1::bigint - $2
               AND NOT EXISTS (SELECT FROM logins l
                                WHERE l.user_id = u.id AND greatest(l.created_at, l.last_seen_at) >= $1::bigint - $2)
               AND NOT EXISTS (SELECT FROM api_keys k WHERE k.user_id = u.id AND k.last_used_at >= $1::bigint - $2)
               AND NOT EXISTS (SELECT FROM grants g WHERE g.user_id = u.id AND g.last_used_at >= $1::bigint - $2)
               AND NOT EXISTS (SELECT FROM audit_entries e
                                WHERE e.subject = u.id AND e.kind = 'login' AND e.at >= $1::bigint - $2) AS bad
          FROM users u WHERE u.state = 'active'""",
    "session-lifetimes": """
        SELECT encode(id, 'hex') AS id, expires_at - created_at > $2::bigint AS bad
          FROM logins WHERE ended_at IS NULL AND expires_at > $1""",
    "review-current": """
        SELECT 'finished' AS id, coalesce(max(finished_at), 0) < $1::bigint - $2 AS bad
          FROM reviews WHERE group_name = ''
        UNION ALL SELECT id::text, due_at < $1 FROM reviews WHERE finished_at IS NULL""",
    "api-key-age": """
        SELECT encode(id, 'hex') AS id, created_at < $1::bigint - $2 AS bad
          FROM api_keys WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > $1)""",
    "chain-verified": """
        SELECT id::text AS id, detail::jsonb ->> 'outcome' <> 'whole' OR at < $1::bigint - $2 AS bad
          FROM audit_entries WHERE id = (SELECT max(id) FROM audit_entries WHERE kind = 'audit_verified')""",
    "checkpoints-off-host": """
        SELECT id::text AS id, state <> 'done' AND made_at < to_timestamp($1::bigint - $2) AS bad FROM outbox o
         WHERE kind = 'checkpoint'
           AND position >= coalesce((SELECT max(position) FROM outbox WHERE kind = 'checkpoint' AND state = 'done'), 0)
        """,
    "linker-on-time": """
        SELECT 'queue' AS id, coalesce(min(e.at), $1) < $1::bigint - $2 AS bad
          FROM audit_queue q JOIN audit_entries e ON e.id = q.entry_id""",
    "endpoints-failing": """
        SELECT id, state = 'paused' OR coalesce(failing_since < to_timestamp($1::bigint - $2), false) AS bad
          FROM endpoints""",
    "cross-check-clean": """
        SELECT id::text AS id, detail::jsonb ->> 'tables' <> 'same' OR at < $1::bigint - $2 AS bad
          FROM audit_entries
         WHERE id = (SELECT max(id) FROM audit_entries
                      WHERE kind = 'audit_verified' AND detail::jsonb ->> 'tables' <> 'not_compared')""",
    "changes-have-actor": """
        SELECT id::text AS id, actor IN ('', 'gateway') AS bad
          FROM audit_entries WHERE kind = ANY($3::text[]) AND at >= $1::bigint - $2""",
    "config-same-on-nodes": """
        WITH live AS (SELECT version, settings, trouble, refused, master_ids FROM policy_workers
                       WHERE seen_at > to_timestamp($1::bigint) - interval '1 minute')
        SELECT DISTINCT version AS id, trouble <> '' OR refused <> ''
               OR (SELECT count(DISTINCT (version, settings, master_ids)) > 1 FROM live) AS bad FROM live""",
    "backup-age": """
        SELECT 'backup' AS id, coalesce(max(at), 0) < $1::bigint - $2 AS bad
          FROM audit_entries WHERE kind = 'backup_made'""",
    "restore-tried": """
        SELECT 'trial' AS id, coalesce(max(at), 0) < $1::bigint - $2 AS bad
          FROM audit_entries WHERE kind IN ('backup_verified', 'restored')""",
    "master-key-age": """
        SELECT active AS id, since < $1::bigint - $2 OR (NOT done AND since < $1 - 86400) AS bad
          FROM master_state""",
    "erasures-on-time": """
        SELECT r.user_id::text AS id, r.due_at < $1::bigint - $2
               AND NOT EXISTS (SELECT FROM holds h WHERE h.lifted_at IS NULL AND (h.ends_at IS NULL OR h.ends_at > $1)
                                  AND (h.user_id IS NULL OR h.user_id = r.user_id)) AS bad
          FROM erasure_requests r
        UNION ALL
        SELECT e.user_id::text, e.erased_at < $1::bigint - $2
               AND EXISTS (SELECT FROM erasure_steps s WHERE s.erasure_id = e.id AND s.done_at IS NULL)
          FROM erasures e""",
    "consent-current": """
        WITH newest AS (
            SELECT DISTINCT ON (kind) kind, version, required_from FROM consent_documents
             ORDER BY kind, published_at DESC, version DESC)
        SELECT n.kind || '/' || n.version AS id, NOT $4::boolean OR EXISTS (
                   SELECT FROM sessions s JOIN logins l ON l.id = s.login_id
                    WHERE s.created_at >= n.required_from AND s.host <> $3
                      AND NOT EXISTS (SELECT FROM consent_records c
                                       WHERE c.user_id = l.user_id AND c.kind = n.kind AND c.version = n.version
                                         AND c.action = 'accepted' AND c.at <= s.created_at)) AS bad
          FROM newest n
         WHERE n.required_from + $2::bigint <= $1
           AND NOT EXISTS (SELECT FROM consent_retired r WHERE r.kind = n.kind AND r.version = n.version)""",
    "retention-ran": """
        SELECT rule AS id, stopped <> '' OR at < $1::bigint - $2 AS bad
          FROM (SELECT DISTINCT ON (rule) rule, stopped, at FROM retention_runs
                 WHERE rule = ANY($3::text[]) ORDER BY rule, id DESC) newest""",
}
# A look that takes longer is unknown.
_PATIENCE: Final = "SET LOCAL statement_timeout = '30s'"
_COLUMNS: Final = """
    SELECT c.relname || '.' || a.attname AS place
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
       AND a.attnum > 0 AND NOT a.attisdropped
"""
_NOW: Final = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint"
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_LAST: Final = "SELECT run, at FROM control_results ORDER BY run DESC LIMIT 1"
_ADD: Final = """
    INSERT INTO control_results (run, control, definition, at, every_s, result, evidence)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_LATEST: Final = """
    SELECT control, at, every_s, definition, result, evidence FROM control_results
     WHERE run = (SELECT max(run) FROM control_results)
"""
_BETWEEN: Final = """
    SELECT run, control, at, every_s, definition, result, evidence FROM control_results
     WHERE at >= coalesce((SELECT max(at) FROM control_results WHERE at <= $1), 0) AND at <= $2
     ORDER BY run, control
"""
_DIGESTS: Final = """
    SELECT (detail::jsonb ->> 'run')::bigint AS run, detail::jsonb ->> 'digest' AS digest
      FROM audit_entries WHERE kind = 'controls_run' AND at >= $1 AND at <= $2
"""
_EXCEPT: Final = """
    INSERT INTO control_exceptions (control, begun_at, ends_at, reason, added_by) VALUES ($1, $2, $3, $4, $5)
"""
_EXCEPTIONS: Final = """
    SELECT control, begun_at, ends_at, reason, added_by FROM control_exceptions
     WHERE begun_at <= $2 AND ends_at > $1 ORDER BY id
"""
_PLACE: Final = Place("control_exceptions", "reason", NOBODY)
_FIELD: Final = "reason"


@dataclass(frozen=True, slots=True)
class RunResults:
    """What one run said, in the order of the controls' ids."""

    run: int
    at: int
    results: Sequence[tuple[str, Observation]]

    @property
    def judged(self) -> Sequence[JudgedControl]:
        return [JudgedControl(control, one.definition, one.result, one.evidence) for control, one in self.results]


@dataclass(frozen=True, slots=True, repr=False)
class ControlException:
    """Unix seconds. repr is left out: see reason."""

    control: str
    begun_at: int
    ends_at: int
    reason: str
    added_by: str


class ControlRows:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def look(self, control: Control, now: int, more: Sequence[object]) -> Look | None:
        """more: $3 and $4. None: Postgres could not answer that."""
        query = QUERIES[control.id]
        given = zip(("$1", "$2", "$3", "$4"), (now, control.threshold, *more), strict=False)
        try:
            async with self._connection.transaction():
                await self._connection.execute(_PATIENCE)
                arguments = [value for mark, value in given if mark in query]
                row = await self._connection.fetchrow(_counted(query), *arguments)
        except asyncpg.PostgresError:
            return None
        assert row is not None
        return Look(row["found"], row["of"], tuple(row["ids"] or ()))

    async def columns(self) -> list[str]:
        """Of all tables, as table.column."""
        return [row["place"] for row in await self._connection.fetch(_COLUMNS)]

    async def overreach(self) -> str:
        """What of the log the serving role could change; "" where nothing."""
        return await overreach(self._connection)

    async def loses_commits(self) -> str:
        """Why a failover could; "" where it can't."""
        return await loses_commits(self._connection)

    async def clock(self) -> int:
        """Postgres' own."""
        return int(await self._connection.fetchval(_NOW))

    async def lock(self) -> None:
        """Nobody else writes a run until the transaction ends."""
        await self._connection.execute(_LOCK, locks.CONTROLS)

    async def last(self) -> tuple[int, int]:
        """The newest run, and when it was; zeros without one."""
        row = await self._connection.fetchrow(_LAST)
        return (0, 0) if row is None else (row["run"], row["at"])

    async def add(self, run: int, at: int, every_s: int, results: Sequence[JudgedControl]) -> None:
        rows = [(run, one.control, one.definition, at, every_s, one.result.value, one.evidence) for one in results]
        await self._connection.executemany(_ADD, rows)

    async def latest(self) -> Mapping[str, Observation]:
        """By control."""
        return {row["control"]: _observation(row) for row in await self._connection.fetch(_LATEST)}

    async def between(self, begins_at: int, ends_at: int) -> Sequence[RunResults]:
        """The oldest first, with the last one from before the period."""
        runs: dict[int, list[tuple[str, Observation]]] = {}
        for row in await self._connection.fetch(_BETWEEN, begins_at, ends_at):
            runs.setdefault(row["run"], []).append((row["control"], _observation(row)))
        return [RunResults(run, results[0][1].at, results) for run, results in runs.items()]

    async def digests(self, begins_at: int, ends_at: int) -> Mapping[int, str]:
        """What the audit log says of runs, hexadecimal by run."""
        return {row["run"]: row["digest"] for row in await self._connection.fetch(_DIGESTS, begins_at, ends_at)}

    async def add_exception(self, one: ControlException) -> None:
        key = await SystemKeys(self._connection, self._vault).of(Purpose.CONTROLS)
        sealed = key.seal(_PLACE, {_FIELD: one.reason})
        await self._connection.execute(_EXCEPT, one.control, one.begun_at, one.ends_at, sealed, one.added_by)

    async def exceptions(self, begins_at: int, ends_at: int) -> Sequence[ControlException]:
        """Those that held at some time of the period."""
        rows = await self._connection.fetch(_EXCEPTIONS, begins_at, ends_at)
        if not rows:
            return []
        key = await SystemKeys(self._connection, self._vault).of(Purpose.CONTROLS)
        return [
            ControlException(
                row["control"],
                row["begun_at"],
                row["ends_at"],
                key.unseal(_PLACE, row["reason"])[_FIELD],
                row["added_by"],
            )
            for row in rows
        ]


def _counted(query: str) -> str:
    return f"""
        SELECT count(*) FILTER (WHERE bad) AS found, count(*) AS of,
               (array_agg(id ORDER BY id) FILTER (WHERE bad))[1:20] AS ids FROM ({query}) looked
    """  # noqa: S608 - constants


def _observation(row: asyncpg.Record) -> Observation:
    return Observation(row["at"], row["every_s"], row["definition"], Result(row["result"]), row["evidence"])
