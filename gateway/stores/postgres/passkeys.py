"""Passkeys of people: found by the hash of their id, the rest sealed under the person's data key."""

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.passkeys.passkey import Passkey
from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import CorruptRow, Vault

MOST_PASSKEYS: Final = 20
_COLUMNS: Final = """
    p.hash, p.user_id, p.sealed, p.device_bound, p.alone, p.sign_count, p.created_at, p.last_used_at, p.suspended_at,
    k.wrapped
"""
_FIND: Final = f"""
    SELECT {_COLUMNS} FROM passkeys p LEFT JOIN user_keys k ON k.user_id = p.user_id WHERE p.hash = $1
"""  # noqa: S608 - constants
_LIST: Final = f"""
    SELECT {_COLUMNS} FROM passkeys p LEFT JOIN user_keys k ON k.user_id = p.user_id
     WHERE p.user_id = $1 ORDER BY p.created_at, p.hash
"""  # noqa: S608 - constants
_COUNT: Final = "SELECT count(*) FROM passkeys WHERE user_id = $1"
_INSERT: Final = """
    INSERT INTO passkeys (hash, user_id, sealed, device_bound, alone, sign_count, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (hash) DO NOTHING RETURNING hash
"""
_LOCK_COUNT: Final = "SELECT sign_count FROM passkeys WHERE hash = $1 AND suspended_at IS NULL FOR UPDATE"
_USE: Final = "UPDATE passkeys SET sign_count = $2, last_used_at = $3 WHERE hash = $1"
_SUSPEND: Final = "UPDATE passkeys SET suspended_at = $2 WHERE hash = $1"
_RENAME: Final = "UPDATE passkeys SET sealed = $3 WHERE hash = $1 AND user_id = $2"
_REMOVE: Final = "DELETE FROM passkeys WHERE hash = $1 AND user_id = $2 RETURNING hash"


@dataclass(frozen=True, slots=True, repr=False)
class PasskeyRow:
    """suspended_at None: it counts. name: what its owner calls it. repr is left out: that is personal."""

    hash: bytes
    user_id: UUID
    passkey: Passkey
    name: str
    created_at: int
    last_used_at: int | None
    suspended_at: int | None


class Passkeys:
    """Bound to one connection. Who adds or removes one locks the person first (Users.begin_change).

    now: Unix seconds. Reading raises BrokenSeal or CorruptRow for a row that is not its person's (threats.md D5).
    """

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def find(self, passkey_id: bytes) -> PasskeyRow | None:
        """Also one that is suspended."""
        row = await self._connection.fetchrow(_FIND, hash_of(passkey_id))
        return None if row is None else self._row(row)

    async def list(self, user_id: UUID) -> tuple[PasskeyRow, ...]:
        """The oldest first, also those that are suspended."""
        return tuple(self._row(row) for row in await self._connection.fetch(_LIST, user_id))

    async def add(self, user_id: UUID, passkey: Passkey, name: str, now: int) -> bool:
        """False: somebody has it already, or the person has as many as one may have."""
        if await self._connection.fetchval(_COUNT, user_id) >= MOST_PASSKEYS:
            return False
        hash_, sealed = hash_of(passkey.id), await self._sealed(user_id, passkey, name)
        added = await self._connection.fetchval(
            _INSERT, hash_, user_id, sealed, passkey.device_bound, passkey.alone, passkey.sign_count, now
        )
        return added is not None

    async def hold(self, passkey_hash: bytes) -> int | None:
        """Its counter; nobody else uses it until the transaction ends. None: it does not count any more."""
        count: int | None = await self._connection.fetchval(_LOCK_COUNT, passkey_hash)
        return count

    async def use(self, passkey_hash: bytes, sign_count: int, now: int) -> None:
        """The caller holds it."""
        await self._connection.execute(_USE, passkey_hash, sign_count, now)

    async def suspend(self, passkey_hash: bytes, now: int) -> None:
        """The caller holds it."""
        await self._connection.execute(_SUSPEND, passkey_hash, now)

    async def rename(self, row: PasskeyRow, name: str) -> None:
        sealed = await self._sealed(row.user_id, row.passkey, name)
        await self._connection.execute(_RENAME, row.hash, row.user_id, sealed)

    async def remove(self, passkey_hash: bytes, user_id: UUID) -> bool:
        """False: the person has no such passkey."""
        return await self._connection.fetchval(_REMOVE, passkey_hash, user_id) is not None

    async def _sealed(self, user_id: UUID, passkey: Passkey, name: str) -> bytes:
        key = await self._vault.key_of(self._connection, user_id)
        values = {
            "id": b64encode(passkey.id).decode(),
            "public_key": b64encode(passkey.public_key).decode(),
            "aaguid": passkey.aaguid,
            "name": name,
        }
        return key.seal(_place(user_id), values)

    def _row(self, row: asyncpg.Record) -> PasskeyRow:
        user_id: UUID = row["user_id"]
        personal = self._vault.open(user_id, row["wrapped"]).unseal(_place(user_id), row["sealed"])
        passkey = Passkey(
            id=b64decode(personal["id"]),
            public_key=b64decode(personal["public_key"]),
            aaguid=personal["aaguid"],
            sign_count=row["sign_count"],
            device_bound=row["device_bound"],
            alone=row["alone"],
        )
        if hash_of(passkey.id) != row["hash"]:
            raise CorruptRow(f"a passkey of user {user_id} was sealed for another row")
        return PasskeyRow(
            hash=row["hash"],
            user_id=user_id,
            passkey=passkey,
            name=personal["name"],
            created_at=row["created_at"],
            last_used_at=row["last_used_at"],
            suspended_at=row["suspended_at"],
        )


def hash_of(passkey_id: bytes) -> bytes:
    """What a row is found by."""
    return hashlib.sha256(passkey_id).digest()


def _place(user_id: UUID) -> Place:
    return Place("passkeys", "sealed", user_id)
