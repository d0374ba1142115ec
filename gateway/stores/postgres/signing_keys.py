"""Keeps the keys that sign tokens, each wrapped by the master keys and bound to name and algorithm (threats.md D5)."""

import json
from dataclasses import dataclass
from typing import Final

from gateway.core.jose.compact import MalformedJose
from gateway.core.jose.keys import SigningKey
from gateway.core.privacy.sealing import BrokenSeal
from gateway.core.token.signing_keys import KEPT_S, KeyRecord, KeyTimes
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_SELECT_ALL: Final = """
    SELECT kid, alg, wrapped, created_at, active_from, retire_at, gone_after, compromised_at
    FROM signing_keys ORDER BY active_from, kid
"""
_INSERT: Final = """
    INSERT INTO signing_keys (kid, alg, public, wrapped, master_id, created_at, active_from)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_RETIRE: Final = """
    UPDATE signing_keys SET retire_at = $2, gone_after = $3
    WHERE kid = $1 AND compromised_at IS NULL AND (retire_at IS NULL OR retire_at > $2)
"""
_COMPROMISE: Final = """
    UPDATE signing_keys SET compromised_at = coalesce(compromised_at, $2), wrapped = NULL WHERE kid = $1
"""
_ERASE_GONE: Final = "UPDATE signing_keys SET wrapped = NULL WHERE gone_after <= $1 AND wrapped IS NOT NULL"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A row. wrapped: None where the private key was erased."""

    kid: str
    alg: str
    times: KeyTimes
    wrapped: bytes | None


class SigningKeys:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def lock(self) -> None:
        """Until the transaction ends nobody else makes or ends keys."""
        await self._connection.execute(_LOCK, locks.SIGNING_KEYS)

    async def all(self) -> list[WrappedKey]:
        """The oldest first."""
        return [
            WrappedKey(
                row["kid"],
                row["alg"],
                KeyTimes(
                    row["created_at"], row["active_from"], row["retire_at"], row["gone_after"], row["compromised_at"]
                ),
                row["wrapped"],
            )
            for row in await self._connection.fetch(_SELECT_ALL)
        ]

    async def records(self) -> list[KeyRecord]:
        """The oldest first, unwrapped."""
        return [opened(self._vault, row) for row in await self.all()]

    async def add(self, key: SigningKey, now: int, active_from: int) -> None:
        wrapped = self._vault.wrap_secret(_place(key.kid, key.alg), key.pkcs8())
        public = json.dumps(dict(key.verification.jwk), sort_keys=True)
        await self._connection.execute(
            _INSERT, key.kid, key.alg, public, wrapped.token, wrapped.master_id, now, active_from
        )

    async def retire(self, kid: str, at: int) -> bool:
        """From then on it signs nothing; what it signed stays good for KEPT_S. False: nothing changed."""
        return await self._connection.execute(_RETIRE, kid, at, at + KEPT_S) == "UPDATE 1"

    async def compromise(self, kid: str, now: int) -> None:
        """Nothing that it signed is good any more, and the private key is erased."""
        await self._connection.execute(_COMPROMISE, kid, now)

    async def erase_gone(self, now: int) -> None:
        """Private keys that nobody needs any more."""
        await self._connection.execute(_ERASE_GONE, now)


def opened(vault: Vault, row: WrappedKey) -> KeyRecord:
    """key is None where the row was erased, or was not written by us for this kid: such a key is never published."""
    if row.wrapped is None:
        return KeyRecord(row.kid, row.alg, row.times, None)
    try:
        key = SigningKey.of_pkcs8(vault.unwrap_secret(_place(row.kid, row.alg), row.wrapped), row.alg)
    except (BrokenSeal, MalformedJose):
        return KeyRecord(row.kid, row.alg, row.times, None)
    return KeyRecord(row.kid, row.alg, row.times, key)


def _place(kid: str, alg: str) -> bytes:
    return f"signing_keys\0{kid}\0{alg}\0".encode()
