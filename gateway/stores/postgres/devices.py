"""Devices from which a person has logged in."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

DEVICES_OF_PERSON: Final = 50
# A device that was away for too long begins anew.
_UPSERT: Final = """
    INSERT INTO devices AS d (user_id, id, sealed, first_at, last_at, logins) VALUES ($1, $2, $3, $4, $4, 1)
    ON CONFLICT (user_id, id) DO UPDATE
       SET sealed = $3, last_at = $4,
           first_at = CASE WHEN d.last_at > $5 THEN d.first_at ELSE $4 END,
           logins = CASE WHEN d.last_at > $5 THEN d.logins + 1 ELSE 1 END
"""
_DELETE_OLDEST: Final = """
    DELETE FROM devices WHERE user_id = $1
       AND id IN (SELECT id FROM devices WHERE user_id = $1 ORDER BY last_at DESC, id OFFSET $2)
"""
_LIST: Final = """
    SELECT d.id, d.sealed, d.first_at, d.last_at, d.logins, k.wrapped
      FROM devices d LEFT JOIN user_keys k USING (user_id)
     WHERE d.user_id = $1 AND d.last_at > $2
     ORDER BY d.last_at DESC, d.id
"""
_FORGET: Final = "DELETE FROM devices WHERE user_id = $1 AND id = $2 RETURNING id"
_FORGET_OTHERS: Final = "DELETE FROM devices WHERE user_id = $1 AND id <> $2 RETURNING id"
_PURGE: Final = "DELETE FROM devices WHERE last_at <= $1"


@dataclass(frozen=True, slots=True)
class UsedDevice:
    """Unix seconds of the first and the last login, and how many there were."""

    first_at: int
    last_at: int
    logins: int


@dataclass(frozen=True, slots=True, repr=False)
class KnownDevice:
    """id: of core/risk/device.py. repr is left out: the user agent is personal."""

    id: bytes
    user_agent: str
    used: UsedDevice


class Devices:
    """Bound to one connection. since: Unix seconds; what was used last then or before is forgotten."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add_login(self, user_id: UUID, device_id: bytes, user_agent: str, now: int, since: int) -> None:
        """Of many devices of a person those that were used last are kept."""
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(_place(user_id), {"user_agent": user_agent})
        await self._connection.execute(_UPSERT, user_id, device_id, sealed, now, since)
        await self._connection.execute(_DELETE_OLDEST, user_id, DEVICES_OF_PERSON)

    async def list(self, user_id: UUID, since: int) -> list[KnownDevice]:
        """The one that was used last comes first."""
        found = []
        for row in await self._connection.fetch(_LIST, user_id, since):
            personal = self._vault.open(user_id, row["wrapped"]).unseal(_place(user_id), row["sealed"])
            used = UsedDevice(row["first_at"], row["last_at"], row["logins"])
            found.append(KnownDevice(row["id"], personal["user_agent"], used))
        return found

    async def forget(self, user_id: UUID, device_id: bytes) -> bool:
        """False: it was not known."""
        return await self._connection.fetchval(_FORGET, user_id, device_id) is not None

    async def forget_others(self, user_id: UUID, kept: bytes) -> int:
        """All but one; how many. kept b"": all."""
        return len(await self._connection.fetch(_FORGET_OTHERS, user_id, kept))

    async def purge(self, since: int) -> None:
        """Of everybody."""
        await self._connection.execute(_PURGE, since)


def _place(user_id: UUID) -> Place:
    return Place("devices", "sealed", user_id)
