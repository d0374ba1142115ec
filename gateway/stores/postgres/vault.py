"""Gives stores the keys that columns are sealed and searched with."""

from collections.abc import Callable, Collection, Mapping
from typing import Final
from uuid import UUID

from gateway.core.errors import GatewayError
from gateway.core.privacy.names import blind_index
from gateway.core.privacy.periods import Period
from gateway.core.privacy.sealing import DATA_KEY_BYTES, NOBODY, DataKey, MasterKeys, Place
from gateway.stores.postgres.database import AnyConnection

_SELECT_KEY: Final = "SELECT wrapped FROM user_keys WHERE user_id = $1"
_LIST_KEYS: Final = "SELECT user_id, wrapped FROM user_keys WHERE user_id = ANY($1::uuid[])"


class CorruptRow(GatewayError):
    """A row says what no version of ours would have written."""


class Vault:
    """One for the process. random: as many bytes as it is asked for.

    NOBODY has a data key that only this process knows, so that a name which nobody has can cost the same steps as a
    person's (threats.md L5). period: of the audit log, the newest one whose key is known to be stored.
    """

    def __init__(self, master_keys: MasterKeys, index_key: bytes, random: Callable[[int], bytes]) -> None:
        self._master_keys = master_keys
        self._index_key = index_key
        self._random = random
        self._decoy, self._decoy_wrapped = self.fresh(NOBODY)
        self._decoy_rows: dict[Place, bytes] = {}
        self.period: Period | None = None

    def fresh(self, user_id: UUID) -> tuple[DataKey, bytes]:
        """A new person's data key, and how it is stored."""
        key = self.fresh_key()
        return key, self._master_keys.wrap(user_id, key)

    def fresh_key(self) -> DataKey:
        return DataKey(self._random(DATA_KEY_BYTES))

    def open(self, user_id: UUID, wrapped: bytes | None) -> DataKey:
        """Raises CorruptRow where the key is gone (the person was erased), BrokenSeal where it is not of ours."""
        if user_id == NOBODY:
            wrapped = self._decoy_wrapped
        if wrapped is None:
            raise CorruptRow(f"user {user_id} has no data key")
        return self._master_keys.unwrap(user_id, wrapped)

    def wrap_secret(self, place: bytes, secret: bytes) -> bytes:
        """How a secret that is nobody's is stored. place: as MasterKeys has it."""
        return self._master_keys.wrap_secret(place, secret)

    def unwrap_secret(self, place: bytes, wrapped: bytes) -> bytes:
        """Raises BrokenSeal."""
        return self._master_keys.unwrap_secret(place, wrapped)

    async def key_of(self, connection: AnyConnection, user_id: UUID) -> DataKey:
        """As open, of the row that the connection sees."""
        return self.open(user_id, await connection.fetchval(_SELECT_KEY, user_id))

    async def keys_of(self, connection: AnyConnection, user_ids: Collection[UUID]) -> dict[UUID, DataKey]:
        """As key_of, of all of them at once; who was erased is left out."""
        if not user_ids:
            return {}
        wrapped = {row["user_id"]: row["wrapped"] for row in await connection.fetch(_LIST_KEYS, list(user_ids))}
        has_key = (user_id for user_id in user_ids if user_id in wrapped or user_id == NOBODY)
        return {user_id: self.open(user_id, wrapped.get(user_id)) for user_id in has_key}

    def rehearse(self, place: Place, values: Mapping[str, str]) -> None:
        """What it costs to unseal a person's row. place: of NOBODY. values: about as long as a person's."""
        sealed = self._decoy_rows.get(place)
        if sealed is None:
            sealed = self._decoy_rows[place] = self._decoy.seal(place, values)
        self.open(NOBODY, None).unseal(place, sealed)

    def index(self, column: str, name: str) -> bytes:
        """What a sealed column is searched by."""
        return blind_index(self._index_key, column, name)
