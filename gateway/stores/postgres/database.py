"""Opens connections to the primary."""

from typing import Final, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.pool import PoolConnectionProxy

AnyConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_COMMAND_S: Final = 5.0
_CONNECT_S: Final = 2.0
_IDLE_S: Final = 300.0


def make_pool(url: str, size: int) -> "asyncpg.Pool[asyncpg.Record]":
    """Not yet open, and opening it does not connect: a gateway starts while Postgres is away.

    Of several hosts in the URL the one that takes writes is used (threats.md R11).
    """
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        command_timeout=_COMMAND_S,
        timeout=_CONNECT_S,
        max_inactive_connection_lifetime=_IDLE_S,
        target_session_attrs=SessionAttribute.read_write,
        server_settings={"application_name": "bastion"},
    )
