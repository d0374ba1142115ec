"""Gives stores the keys that columns are sealed and searched with."""

import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from gateway.core.errors import GatewayError
from gateway.core.privacy.names import blind_index, index_key_id
from gateway.core.privacy.periods import Period
from gateway.core.privacy.sealing import DATA_KEY_BYTES, NOBODY, DataKey, MasterKeys, Place, Wrapped
from gateway.stores.postgres.database import AnyConnection

_SELECT_KEY: Final = "SELECT wrapped FROM user_keys WHERE user_id = $1"
_LIST_KEYS: Final = "SELECT user_id, wrapped FROM user_keys WHERE user_id = ANY($1::uuid[])"


_USED_LABEL: Final = b"bastion/v1/used-names"  # in stored rows: it can't change


class CorruptRow(GatewayError):
    """A row says what no version of ours would have written."""


class NoMasterKey(GatewayError):
    """This node lacks master keys that rows of the database are wrapped with."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(
            f"keys in the database are wrapped with the master key {', '.join(ids)}, which this node does not have;"
            " add it to secrets.master_keys"
        )


class Vault:
    """One for the process. random: as many bytes as it is asked for.

    NOBODY has a data key that only this process knows, so that a name which nobody has can cost the same steps as a
    person's (threats.md L5). master: the id of the key that wraps, which MasterRotation keeps as the database has it.
    period: of the audit log, the newest one whose key is known to be stored. index_id: of the key that names are found
    with.
    """

    def __init__(self, master_keys: MasterKeys, index_key: bytes, random: Callable[[int], bytes]) -> None:
        self._master_keys = master_keys
        self.master = master_keys.ids[0]
        self._index_key = index_key
        self.index_id = index_key_id(index_key)
        self._used_key = hmac.digest(index_key, _USED_LABEL, "sha256")
        self._random = random
        self._decoy, self._decoy_wrapped = self.fresh(NOBODY)
        self._decoy_rows: dict[Place, bytes] = {}
        self.period: Period | None = None

    @property
    def masters(self) -> tuple[str, ...]:
        """The ids of the keys that this process has."""
        return self._master_keys.ids

    def follow(self, active: str) -> None:
        """Wrap with the master key of this id from now on. Raises NoMasterKey."""
        if active not in self.masters:
            raise NoMasterKey([active])
        self.master = active

    def fresh(self, user_id: UUID) -> tuple[DataKey, Wrapped]:
        """A new person's data key, and how it is stored."""
        key = self.fresh_key()
        return key, self._master_keys.wrap(user_id, key, self.master)

    def fresh_key(self) -> DataKey:
        return DataKey(self._random(DATA_KEY_BYTES))

    def open(self, user_id: UUID, wrapped: bytes | None) -> DataKey:
        """Raises CorruptRow where the key is gone (the person was erased), BrokenSeal where it is not of ours."""
        if user_id == NOBODY:
            wrapped = self._decoy_wrapped.token
        if wrapped is None:
            raise CorruptRow(f"user {user_id} has no data key")
        return self._master_keys.unwrap(user_id, wrapped)

    def wrap_secret(self, place: bytes, secret: bytes) -> Wrapped:
        """How a secret that is nobody's is stored. place: as MasterKeys has it."""
        return self._master_keys.wrap_secret(place, secret, self.master)

    def rewrap(self, token: bytes) -> Wrapped:
        """Under the key that wraps now. Raises BrokenSeal."""
        return self._master_keys.rewrap(token, self.master)

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

    def used_name(self, index: bytes) -> bytes:
        """What a user name that was given up is found by. index: its blind index."""
        return hmac.digest(self._used_key, b"name\0" + index, "sha256")

    def used_holder(self, user_id: UUID) -> bytes:
        """Who may have a name again that they gave up."""
        return hmac.digest(self._used_key, b"holder\0" + user_id.bytes, "sha256")
