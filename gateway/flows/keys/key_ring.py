"""Owns what a worker verifies and signs with: read from Postgres at its start and every few seconds, and kept while
Postgres is away.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Final

import asyncpg
import structlog

from gateway.core.jose.keys import SigningKey
from gateway.core.token.signing_keys import NO_KEYS, KeyRecord, KeySet, key_set
from gateway.flows.transaction import transaction
from gateway.stores.postgres.signing_keys import SigningKeys, WrappedKey, opened
from gateway.stores.postgres.vault import Vault

READ_EVERY_S: Final = 2.0
_LOG: Final = structlog.stdlib.get_logger("gateway.keys")


@dataclass(slots=True)
class KeyRing:
    """clock: Unix seconds. revoked: kids that are compromised whatever the database says: it may be a restored one.

    algorithm: of those who name none.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    clock: Callable[[], int]
    revoked: Collection[str] = ()
    algorithm: str = "ES256"
    current: KeySet = NO_KEYS
    records: tuple[KeyRecord, ...] = ()
    _opened: dict[tuple[str, str, bytes | None], KeyRecord] = field(default_factory=dict)
    _back: set[str] = field(default_factory=set)

    async def refresh(self) -> None:
        """Also where nothing was written: time alone changes what signs. Raises RecordUnavailable."""
        try:
            async with transaction(self.pool) as connection:
                rows = await SigningKeys(connection, self.vault).all()
            self.records = tuple(self._record(row) for row in rows)
        finally:
            self.current = key_set(self.records, self.clock(), self.current)

    def signer(self, alg: str = "") -> SigningKey:
        """Raises NoSigningKey."""
        return self.current.signer(alg or self.algorithm)

    def published(self) -> tuple[str, ...]:
        """The kids by which tokens are accepted."""
        return tuple(self.current.verification)

    def _record(self, row: WrappedKey) -> KeyRecord:
        """A private key is unwrapped once."""
        name = (row.kid, row.alg, row.wrapped)
        record = self._opened.get(name)
        if record is None:
            record = self._opened[name] = opened(self.vault, row)
            if record.key is None and row.wrapped is not None:
                _LOG.error("a signing key can't be read, so it is not published", kid=row.kid)
        times = row.times
        if row.kid not in self.revoked or times.compromised_at is not None:
            self._back.discard(row.kid)
            return replace(record, times=times)
        if row.kid not in self._back:  # said once, though it is read every few seconds
            self._back.add(row.kid)
            _LOG.error("a key that was compromised is back in the database; it stays refused", kid=row.kid)
        return replace(record, times=replace(times, compromised_at=times.created_at))
