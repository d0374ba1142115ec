"""Ends, in a restored database, whatever opens a door: what was ended since the backup would come back otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.outbox.kinds import MessageKind
from gateway.stores.postgres.database import AnyConnection

_PATIENCE_S: Final = 3_600.0
_END: Final = (
    "UPDATE logins SET ended_at = $1, ended_why = 'restored' WHERE ended_at IS NULL",
    "UPDATE grants SET ended_at = $1, ended_why = 'restored' WHERE ended_at IS NULL",
    "UPDATE api_keys SET rests_at = $1 WHERE ended_at IS NULL AND rests_at IS NULL",
    "UPDATE admin_tokens SET revoked_at = $1 WHERE revoked_at IS NULL",
    "UPDATE signing_keys SET gone_after = $1 WHERE gone_after > $1",
)
_LIVE_LOGINS: Final = "SELECT id FROM logins WHERE ended_at IS NULL AND expires_at > extract(epoch FROM now())"
# Each could be used a second time: consoles of logins, mailed links, codes, halves of logins, pushed requests.
_EMPTIED: Final = ("consoles", "links", "codes", "recovery_codes", "attempts", "pushed_requests")
_BURY_MAIL: Final = """
    UPDATE outbox SET state = 'dead', done_at = now(), lease_until = NULL, status = 'restored'
     WHERE state = 'waiting' AND kind = ANY($1::text[])
"""
_RETIRE: Final = """
    UPDATE signing_keys SET retire_at = $1, gone_after = $1
     WHERE compromised_at IS NULL AND (retire_at IS NULL OR retire_at > $1) RETURNING kid, alg
"""
_REST_ROLES: Final = """
    WITH taken AS (DELETE FROM admin_roles RETURNING user_id, role, until, granted_at)
    INSERT INTO resting_roles SELECT * FROM taken RETURNING user_id, role, until
"""
# Whoever got a role since keeps that one.
_WAKE_ROLES: Final = """
    WITH woken AS (DELETE FROM resting_roles RETURNING user_id, role, until, granted_at)
    INSERT INTO admin_roles SELECT w.* FROM woken w JOIN users u ON u.id = w.user_id AND u.state = 'active'
    ON CONFLICT (user_id) DO NOTHING RETURNING user_id, role, until
"""
_LIST_ROLES: Final = "SELECT user_id, role, until FROM resting_roles ORDER BY role, user_id"
_LAST: Final = "SELECT at FROM audit_entries WHERE kind = 'restored' ORDER BY id DESC LIMIT 1"
_LIST_RESTING: Final = "SELECT id FROM api_keys WHERE rests_at = $1 AND ended_at IS NULL ORDER BY id"
_WAKE: Final = "UPDATE api_keys SET rests_at = NULL WHERE rests_at = $1 AND ended_at IS NULL RETURNING id"


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A signing key that signs nothing more."""

    kid: str
    alg: str


@dataclass(frozen=True, slots=True)
class RestingRole:
    """A role in the console that a restore has taken away. until: Unix seconds."""

    user_id: UUID
    role: str
    until: int | None


class Restores:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def live_logins(self) -> list[bytes]:
        """Those that end_all() ends."""
        return [row["id"] for row in await self._connection.fetch(_LIVE_LOGINS, timeout=_PATIENCE_S)]

    async def end_all(self, now: int) -> Sequence[RetiredKey]:
        """API keys rest; nodes make other signing keys. Nothing that the retired ones signed is accepted."""
        retired = await self._connection.fetch(_RETIRE, now)
        for statement in _END:
            await self._connection.execute(statement, now, timeout=_PATIENCE_S)
        for table in _EMPTIED:
            await self._connection.execute(f"DELETE FROM {table}", timeout=_PATIENCE_S)  # noqa: S608 - constants
        mail = [MessageKind.MAIL.value, MessageKind.NOTICE.value]
        await self._connection.execute(_BURY_MAIL, mail, timeout=_PATIENCE_S)
        return [RetiredKey(row["kid"], row["alg"]) for row in retired]

    async def rest_roles(self) -> list[RestingRole]:
        """All that there are, for as long as nobody wakes them."""
        return [RestingRole(**row) for row in await self._connection.fetch(_REST_ROLES)]

    async def resting_roles(self) -> list[RestingRole]:
        return [RestingRole(**row) for row in await self._connection.fetch(_LIST_ROLES)]

    async def wake_roles(self) -> list[RestingRole]:
        """Of people who are active and got no other role since."""
        return [RestingRole(**row) for row in await self._connection.fetch(_WAKE_ROLES)]

    async def last(self) -> int | None:
        """When the newest restore was; None: this database was never restored."""
        at: int | None = await self._connection.fetchval(_LAST)
        return at

    async def resting(self, restored_at: int) -> list[bytes]:
        """API keys that rest since then."""
        return [row["id"] for row in await self._connection.fetch(_LIST_RESTING, restored_at)]

    async def wake(self, restored_at: int) -> list[bytes]:
        """Those of resting()."""
        return [row["id"] for row in await self._connection.fetch(_WAKE, restored_at)]
