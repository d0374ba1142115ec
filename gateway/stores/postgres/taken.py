"""Finds in the audit log what was taken away, for the ledger of each node."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.taken import KINDS, TakenAway, taken_by
from gateway.stores.postgres.database import AnyConnection

# Roles that a restore lets rest are not revoked by anybody: the next restore lets them rest again.
_LIST: Final = """
    SELECT l.position, e.kind, e.subject, e.detail, e.at
      FROM audit_entries e JOIN audit_links l ON l.entry_id = e.id
     WHERE e.kind = ANY($1::text[]) AND l.position > $2 AND e.at >= $3
       AND NOT (e.kind = 'role_revoked' AND EXISTS (
           SELECT FROM audit_entries r WHERE r.kind = 'restored' AND r.at = e.at AND r.actor = e.actor))
     ORDER BY l.position LIMIT $4
"""
_LAST: Final = "SELECT max(position) FROM audit_links"


@dataclass(frozen=True, slots=True)
class TakenPage:
    """last: nothing up to this position was left out."""

    taken: Sequence[TakenAway]
    last: int


class TakenRows:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def after(self, position: int, since: int, most: int) -> TakenPage:
        """By linked entries after this position, of this Unix second or later, in order."""
        linked: int | None = await self._connection.fetchval(_LAST)  # before the list: what comes meanwhile is not lost
        rows = await self._connection.fetch(_LIST, list(KINDS), position, since, most)
        taken = [
            one for row in rows for one in taken_by(row["kind"], row["subject"], json.loads(row["detail"]), row["at"])
        ]
        return TakenPage(taken, rows[-1]["position"] if len(rows) == most else linked or position)
