"""Removes all of our keys from Redis, where our user may list them, which it need not be allowed to."""

import re
from typing import Final

from gateway.core.errors import StoreUnavailable
from gateway.stores.redis.decisions import Functions
from gateway.stores.redis.pipeline import Pipeline, RedisRefused

_PATTERN: Final = "{*}*"
_OURS: Final = re.compile(rb"\{[A-Za-z0-9_-]{1,64}\}(u|[lgkcbj]:.*)", re.DOTALL)
_AT_ONCE: Final = "1000"
_CURSOR_AND_KEYS: Final = 2


async def sweep(functions: Functions) -> int | None:
    """How many there were. None: our user may not list keys. Raises StoreUnavailable."""
    try:
        return sum([await _sweep(server) for server in functions.servers])
    except RedisRefused:
        return None


async def _sweep(server: Pipeline) -> int:
    removed, cursor = 0, b"0"
    while True:
        answer = await server.ask(("SCAN", cursor.decode(), "MATCH", _PATTERN, "COUNT", _AT_ONCE))
        if not isinstance(answer, list) or len(answer) != _CURSOR_AND_KEYS:
            raise StoreUnavailable("SCAN was answered with something else")
        cursor, keys = answer
        for key in filter(_OURS.fullmatch, keys):
            await server.ask(("DEL", key))
            removed += 1
        if cursor == b"0":
            return removed
