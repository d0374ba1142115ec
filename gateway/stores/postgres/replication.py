"""Says whether a failover may lose what Postgres has confirmed (threats.md R11)."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from gateway.stores.postgres.database import AnyConnection

_SELECT_SETTINGS: Final = """
    SELECT current_setting('synchronous_standby_names') AS standbys,
           current_setting('synchronous_commit') AS waits
"""
_WAITS_FOR_NOBODY: Final = ("off", "local")


def has_several_hosts(url: str) -> bool:
    """url: as asyncpg reads it, hosts in the query count where none stand in front of the path."""
    parts = urlsplit(url)
    named = parts.netloc.rpartition("@")[2]
    return "," in (named or parse_qs(parts.query).get("host", [""])[-1])


async def loses_commits(connection: AnyConnection) -> str:
    """Why a standby may lack what the primary has confirmed to us; "" where it can't."""
    row = await connection.fetchrow(_SELECT_SETTINGS)
    assert row is not None
    if not row["standbys"]:
        return "synchronous_standby_names is empty"
    if row["waits"] in _WAITS_FOR_NOBODY:
        return f"synchronous_commit is {row['waits']}"
    return ""
