"""Keeps a node with a wrong key from serving: each key has left a mark of itself in the database (threats.md D2)."""

import hmac
from collections.abc import Mapping
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.keys import blind_index_key
from gateway.core.privacy.names import index_key_id
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.master_keys import MasterRows, masters_of

_INSERT_CHECK: Final = "INSERT INTO key_checks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
_SELECT_CHECK: Final = "SELECT value FROM key_checks WHERE name = $1"
_DELETE_CHECK: Final = "DELETE FROM key_checks WHERE name = $1"
_INDEX: Final = "index"
# Whatever lies between the two, they differ if one row has another key. NULL says nothing.
_LIST_OTHER_INDEX_KEYS: Final = """
    SELECT DISTINCT key FROM (
        SELECT min(index_key) AS key FROM users UNION ALL SELECT max(index_key) FROM users
        UNION ALL SELECT min(index_key) FROM used_names UNION ALL SELECT max(index_key) FROM used_names
    ) AS found WHERE key <> $1 ORDER BY key
"""


class WrongKey(GatewayError):
    """This node's secrets are not those that the database was made with; the message names the key."""


def mark_of(name: str, key: bytes) -> bytes:
    """What a database keeps of a key."""
    return hmac.digest(key, b"bastion/key-check/" + name.encode(), "sha256")


async def agree(connection: AnyConnection, keys: Mapping[str, bytes]) -> None:
    """keys: configured name -> key. The first node leaves the marks. Raises WrongKey with all names that differ.

    The first master key begins to wrap where none does yet. Raises NoMasterKey where rows need another one, and
    WrongKey where names are found with another index key.
    """
    if _INDEX in keys:
        await _check_names(connection, index_key_id(blind_index_key(keys[_INDEX])))
    wrong = []
    for name, key in keys.items():
        mark = mark_of(name, key)
        await connection.execute(_INSERT_CHECK, name, mark)
        stored: bytes = await connection.fetchval(_SELECT_CHECK, name)
        if not hmac.compare_digest(stored, mark):
            wrong.append(name)
    if wrong:
        raise WrongKey(
            f"not the key that this database was made with: {', '.join(wrong)}; give this node the secrets"
            " of the others (a root key that was changed on purpose: bastion migrate --new-root-key)"
        )
    if masters := masters_of(keys):
        rows = MasterRows(connection)
        await rows.begin(masters[0])
        await rows.check(masters)


async def _check_names(connection: AnyConnection, index_id: str) -> None:
    """Before this key leaves a mark: with another one this node would find nobody, and add people twice."""
    if others := [row["key"] for row in await connection.fetch(_LIST_OTHER_INDEX_KEYS, index_id)]:
        raise WrongKey(
            f"names in the database are found with the index key {', '.join(others)}, and secrets.index_key of this"
            f" node is {index_id}; give this node the secrets of the others"
        )


async def forget(connection: AnyConnection, name: str) -> None:
    """The next agree() leaves a new mark for it."""
    await connection.execute(_DELETE_CHECK, name)
