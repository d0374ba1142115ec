"""Keeps what each worker of the fleet enforces, and the operator's wish that they read policy again (threats.md Y4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection

_REPORT: Final = """
    INSERT INTO policy_workers (node, worker, version, refused, wish, signing_keys, settings, trouble, master_ids)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (node, worker) DO UPDATE
    SET version = excluded.version, refused = excluded.refused, wish = excluded.wish,
        signing_keys = excluded.signing_keys, settings = excluded.settings, trouble = excluded.trouble,
        master_ids = excluded.master_ids, seen_at = now()
"""
_LEAVE: Final = "DELETE FROM policy_workers WHERE node = $1 AND worker = $2"
_FORGET: Final = "DELETE FROM policy_workers WHERE seen_at < now() - make_interval(secs => $1)"
_WISH: Final = "UPDATE policy_wishes SET wish = wish + 1, wished_at = now() RETURNING wish"
_WISHED: Final = "SELECT wish, wished_at > now() - make_interval(secs => $1) AS lately FROM policy_wishes"
_ALL: Final = """
    SELECT node, worker, version, refused, wish, signing_keys, settings, trouble, master_ids,
           extract(epoch FROM now() - seen_at)::float8 AS silent_s
      FROM policy_workers ORDER BY node, worker
"""


@dataclass(frozen=True, slots=True)
class PolicyWorker:
    """refused: what is wrong with the newest policy, or "". wish: the newest that it has done. By Postgres' clock.

    signing_keys: the kids of those by which it accepts tokens. settings: the revision that it follows; trouble: those
    that it can't follow. master_ids: of the master keys that it has.
    """

    node: str
    worker: int
    version: str
    refused: str
    wish: int
    signing_keys: Sequence[str]
    settings: int
    trouble: str
    master_ids: Sequence[str]
    silent_s: float


class PolicyWorkers:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def wished(self, lately_s: float) -> tuple[int, bool]:
        """The newest wish, and whether it was made that lately."""
        row = await self._connection.fetchrow(_WISHED, lately_s)
        assert row is not None
        return row["wish"], row["lately"]

    async def report(
        self,
        node: str,
        worker: int,
        version: str,
        refused: str,
        wish: int,
        signing_keys: Sequence[str] = (),
        settings: int = 0,
        trouble: str = "",
        master_ids: Sequence[str] = (),
    ) -> None:
        keys, masters = list(signing_keys), list(master_ids)
        await self._connection.execute(_REPORT, node, worker, version, refused, wish, keys, settings, trouble, masters)

    async def leave(self, node: str, worker: int) -> None:
        await self._connection.execute(_LEAVE, node, worker)

    async def wish(self) -> int:
        """Each worker reads policy again within its beat. The number of the wish."""
        return int(await self._connection.fetchval(_WISH))

    async def all(self, forgotten_after_s: float) -> list[PolicyWorker]:
        """Without those that were silent for so long: they are gone for good."""
        await self._connection.execute(_FORGET, forgotten_after_s)
        return [PolicyWorker(**row) for row in await self._connection.fetch(_ALL)]
