"""All that lies in a Redis, as who steals it would read it, and whether a word is among it in any plain form."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from redis.asyncio import Redis


async def everything(redis: Redis) -> list[bytes]:
    """Each key with all that it holds, of whatever type."""
    return [key + b"\0" + b"\0".join(await _held(redis, key)) async for key in redis.scan_iter()]


def found(words: Iterable[str], held: Iterable[bytes]) -> set[str]:
    """Words that are there as such, in any case, or in hex or base64 at any place."""
    held = list(held)
    lowered = [one.lower() for one in held]
    return {
        word
        for word in words
        if any(form in one for form in _in_any_case(word) for one in lowered)
        or any(form in one for form in _in_base64(word) for one in held)
    }


async def _held(redis: Redis, key: bytes) -> list[bytes]:
    kind = await redis.type(key)
    match kind:
        case b"string":
            return list(_flat(await redis.get(key)))
        case b"hash":
            return list(_flat(await redis.hgetall(key)))
        case b"list":
            return list(_flat(await redis.lrange(key, 0, -1)))
        case b"set":
            return list(_flat(await redis.smembers(key)))
        case b"zset":
            return list(_flat(await redis.zrange(key, 0, -1)))
        case b"stream":
            return list(_flat(await redis.xrange(key)))
        case b"none":  # a bucket that is full again lives for milliseconds
            return []
        case _:
            raise AssertionError(f"a key of type {kind!r} is not looked into")


def _flat(value: Any) -> Iterator[bytes]:
    """Any: what redis-py answers depends on the command."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from _flat(list(value.items()))
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from _flat(one)


def _in_any_case(word: str) -> Iterator[bytes]:
    """Of what was made small."""
    yield word.lower().encode()
    for spelled in (word, word.lower()):
        yield spelled.encode().hex().encode()


def _in_base64(word: str) -> Iterator[bytes]:
    """What is the same of it whatever stands before and after."""
    for raw in {word.encode(), word.lower().encode()}:
        for before in range(3):
            first, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
            for encode in (b64encode, urlsafe_b64encode):
                yield encode(bytes(before) + raw)[first:end]
