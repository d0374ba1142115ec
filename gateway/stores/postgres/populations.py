"""Entries of the audit log that auditors draw samples from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.stores.postgres.database import AnyConnection

# An old entry of kind `login` with a host tells of a hand-off (evidence.md E13).
_OF: Final = """
    e.kind = ANY($1::text[]) AND e.at >= $2 AND e.at <= $3
    AND NOT (e.kind = 'login' AND (e.detail::jsonb) ? 'host')
"""
_COUNT: Final = f"SELECT count(*) FROM audit_entries e WHERE {_OF}"  # noqa: S608 - constants
_PAGE: Final = f"""
    SELECT e.id, l.position, e.at, e.kind, e.actor, e.subject
      FROM audit_entries e LEFT JOIN audit_links l ON l.entry_id = e.id
     WHERE {_OF} AND e.id > $4 ORDER BY e.id LIMIT 1000
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class PopulationEntry:
    """position: in the chain, None: not linked yet. at: Unix seconds."""

    id: int
    position: int | None
    at: int
    kind: str
    actor: str
    subject: UUID | None


class Populations:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def count(self, kinds: Sequence[str], begins_at: int, ends_at: int) -> int:
        return int(await self._connection.fetchval(_COUNT, list(kinds), begins_at, ends_at))

    async def page(self, kinds: Sequence[str], begins_at: int, ends_at: int, after: int) -> Sequence[PopulationEntry]:
        """1,000 at most, the oldest first. after: the last id of the page before."""
        rows = await self._connection.fetch(_PAGE, list(kinds), begins_at, ends_at, after)
        return [
            PopulationEntry(row["id"], row["position"], row["at"], row["kind"], row["actor"], row["subject"])
            for row in rows
        ]
