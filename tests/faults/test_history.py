"""Redis loses what it knew, or remembers what is over: nobody who was signed out comes back (threats.md R1)."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from gateway.core.errors import StoreUnavailable
from gateway.core.session.tokens import Token
from gateway.embedded import EmbeddedValkey
from gateway.flows.logout import Ending
from gateway.stores.redis.wire import login_key
from tests.attacks.conftest import House
from tests.faults.relay import Passing, Relay

ASKED = 200


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def answered(house: House, token: Token) -> bool:
    """Whether decisions are answered again."""
    try:
        await house.lives(token)
    except StoreUnavailable:
        return False
    return True


async def has(server: Redis, token: Token) -> bool:
    return await server.exists(login_key(token.tag, token.login)) == 1


async def two_logins(house: House) -> tuple[Token, Token]:
    """Both live in Redis."""
    await house.add("eve")
    ended, kept = await house.sign_in("eve"), await house.sign_in("eve")
    assert await house.lives(ended)
    assert await house.lives(kept)
    return ended, kept


async def passes(house: House, token: Token) -> list[bool]:
    return await asyncio.gather(*(house.lives(token) for _ in range(ASKED)))


async def test_a_logout_outlives_a_redis_that_was_restored_from_before_it(
    house: House, primary: EmbeddedValkey, redis: Redis
) -> None:
    ended, kept = await two_logins(house)
    await redis.save()
    assert await house.logout.end(Ending(ended.tag, ended.login, ""))

    primary.kill()
    primary.start()
    await redis.connection_pool.disconnect()
    record = await redis.get(login_key(ended.tag, ended.login))
    await until(lambda: answered(house, kept))

    assert record is not None
    assert record[:1] == b"L", "Redis itself has the session back"
    assert not any(await passes(house, ended))
    assert all(await passes(house, kept))
    (primary.home / "dump.rdb").unlink()


async def test_a_logout_outlives_a_failover_to_a_replica_that_never_heard_of_it(
    house: House, primary: EmbeddedValkey, other: EmbeddedValkey, redis: Redis, line: Relay
) -> None:
    ended, kept = await two_logins(house)
    async with Redis.from_url(other.url, socket_timeout=5) as replica:
        await replica.replicaof("127.0.0.1", str(primary.port))
        await until(lambda: has(replica, ended))
        os.kill(other.pid, signal.SIGSTOP)
        await redis.client_kill_filter(_type="replica", skipme=False)
        assert await house.logout.end(Ending(ended.tag, ended.login, ""))

        primary.kill()
        os.kill(other.pid, signal.SIGCONT)
        await replica.replicaof("NO", "ONE")
        record = await replica.get(login_key(ended.tag, ended.login))
        line.target = other.socket
        line.cut()
        await until(lambda: answered(house, kept))

        assert record is not None
        assert record[:1] == b"L", "the promoted replica itself has the session still"
        assert not any(await passes(house, ended))
        assert all(await passes(house, kept))
        await replica.flushall()
    primary.start()


async def test_who_read_postgres_before_a_logout_writes_nothing_after_it_however_late(
    house: House, redis: Redis, line: Relay
) -> None:
    """As a worker that is stopped between its read and its fill, until what the logout left in Redis is gone too."""
    await house.add("eve")
    token = await house.sign_in("eve")
    held, may_go = asyncio.Event(), asyncio.Event()

    async def hold_fills(passing: Passing) -> bytes:
        if not passing.answer and b"bastion_fill" in passing.words and not held.is_set():
            held.set()
            await may_go.wait()
        return passing.words

    line.judge = hold_fills
    stopped = asyncio.create_task(house.lives(token))
    await held.wait()
    assert await house.logout.end(Ending(token.tag, token.login, ""))
    assert await redis.delete(login_key(token.tag, token.login)) == 1  # as its minute does it
    may_go.set()

    [outcome] = await asyncio.gather(stopped, return_exceptions=True)
    after = await redis.get(login_key(token.tag, token.login))

    assert outcome is not True
    assert after is None or after[:1] != b"L"
    assert not any(await passes(house, token))
