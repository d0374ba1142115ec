"""Opens connections to the primary."""

from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.pool import PoolConnectionProxy

from gateway.core.errors import StoreOutage
from gateway.stores.postgres.outage import DatabaseServer, outage_of

AnyConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_COMMAND_S: Final = 5.0
_CONNECT_S: Final = 1.8  # before a flow has waited for 2 s and knows no reason
_IDLE_S: Final = 300.0


class NotConnected(StoreOutage):
    """Nobody is there, or not for us. The message never holds the password of the URL."""


def make_pool(
    url: str, size: int, *, statement_s: int = 0, idle_s: float = _IDLE_S, name: str = "bastion"
) -> "asyncpg.Pool[asyncpg.Record]":
    """Not yet open, and opening it does not connect: a gateway starts while Postgres is away.

    Of several hosts in the URL the one that takes writes is used (threats.md R11). statement_s: after which Postgres
    ends a statement, 0: as its role is set up. idle_s: after which a connection is closed. name: what Postgres shows of
    us.
    """
    within = {"statement_timeout": f"{statement_s}s"} if statement_s else {}
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        command_timeout=_COMMAND_S,
        connect=_connect,
        timeout=_CONNECT_S,
        max_inactive_connection_lifetime=idle_s,
        target_session_attrs=SessionAttribute.read_write,
        server_settings={"application_name": name, **within},
    )


async def connect(url: str, timeout_s: float, name: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection, without a limit on statements. name: what Postgres shows of us. Raises NotConnected."""
    return await _connect(
        url,
        timeout=timeout_s,
        target_session_attrs=SessionAttribute.read_write,
        server_settings={"application_name": name},
    )


async def _connect(dsn: str | None = None, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Raises NotConnected, whatever the driver calls it."""
    try:
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(dsn, **options)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise NotConnected(outage_of(error, DatabaseServer.of(dsn or ""))) from error
    return connection
