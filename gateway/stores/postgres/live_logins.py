"""Lists the live logins of everybody, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.logins import LIVE, LiveLoginRow, live_row
from gateway.stores.postgres.vault import Vault

_PAGE_OF_LOGINS: Final = f"""
    {LIVE}
     WHERE l.ended_at IS NULL AND l.expires_at > $1 AND l.last_seen_at + l.idle_s > $1
       AND ($2::bigint IS NULL OR (l.created_at, l.id) < ($2, $3))
       AND ($4::uuid IS NULL OR l.user_id = $4)
       AND ($5::bytea[] IS NULL OR l.id = ANY($5))
       AND ($6::text IS NULL OR EXISTS (SELECT 1 FROM sessions h WHERE h.login_id = l.id AND h.host = $6))
       AND ($7::boolean IS NULL OR l.persistent = $7)
       AND ($8::boolean IS NULL OR (coalesce(s.mfa_at, 0) > 0) = $8)
       AND ($9::integer IS NULL OR s.risk >= $9)
     ORDER BY l.created_at DESC, l.id DESC LIMIT $10
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class LoginFilters:
    """All have to hold; what is None is not asked for. ids: one of these. risk: at least."""

    user_id: UUID | None = None
    ids: Sequence[bytes] | None = None
    host: str | None = None
    persistent: bool | None = None
    has_factor: bool | None = None
    risk: int | None = None


class LiveLogins:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def page(
        self, filters: LoginFilters, after: tuple[int, bytes] | None, limit: int, now: int
    ) -> list[LiveLoginRow]:
        """after: when the last login of the page before began, and its id. Raises BrokenSeal or CorruptRow."""
        at, login_id = (None, None) if after is None else after
        rows = await self._connection.fetch(
            _PAGE_OF_LOGINS,
            now,
            at,
            login_id,
            filters.user_id,
            filters.ids,
            filters.host,
            filters.persistent,
            filters.has_factor,
            filters.risk,
            limit,
        )
        return [live_row(self._vault, row) for row in rows]
