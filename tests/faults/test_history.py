"""Redis loses what it knew, or remembers what is over: no ended session and no used code comes back (R1, R3)."""

import asyncio
import os
import signal
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError

from gateway.core.errors import StoreUnavailable
from gateway.core.session.tokens import Token, code_hash
from gateway.embedded import EmbeddedValkey
from gateway.flows.people.handoff import Go
from gateway.flows.people.logout import Ending
from gateway.stores.redis.wire import code_key, login_key
from tests.attacks.conftest import AUTH_HOST, WAY, House, session_of
from tests.core.forward.setting import headers_of
from tests.deciding import HOST
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


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary, and a replica that is stopped by lag() and promoted by fail_over()."""

    primary: EmbeddedValkey
    other: EmbeddedValkey
    redis: Redis
    replica: Redis
    line: Relay

    async def has(self, key: str) -> bool:
        """Whether the replica has this record, and as one of the history that the primary has now."""
        try:
            record = await self.replica.get(key)
        except BusyLoadingError:
            return False
        history = (await self.redis.info("replication"))["master_replid"]
        return record is not None and record[1:9] == struct.pack("<d", int(history[:12], 16))

    async def lag(self) -> None:
        """From now on the replica hears of nothing."""
        os.kill(self.other.pid, signal.SIGSTOP)
        await self.redis.client_kill_filter(_type="replica", skipme=False)

    async def fail_over(self) -> None:
        self.primary.kill()
        os.kill(self.other.pid, signal.SIGCONT)
        await self.replica.replicaof("NO", "ONE")

    def lead(self) -> None:
        """Who asks is led to the one that was promoted."""
        self.line.target = self.other.socket
        self.line.cut()


@pytest.fixture
async def pair(primary: EmbeddedValkey, other: EmbeddedValkey, redis: Redis, line: Relay) -> AsyncIterator[Pair]:
    """What is written from now on: a primary's first replica begins a new history."""
    await redis.config_set("repl-diskless-sync-delay", 0)
    async with Redis.from_url(other.url, socket_timeout=5) as replica:
        await replica.replicaof("127.0.0.1", str(primary.port))
        yield Pair(primary, other, redis, replica, line)
        os.kill(other.pid, signal.SIGCONT)
        await replica.replicaof("NO", "ONE")
        await replica.flushall()
    if primary.process is None:
        primary.start()


async def replicated(house: House, pair: Pair, token: Token) -> bool:
    return await answered(house, token) and await pair.has(login_key(token.tag, token.login))


async def test_a_logout_outlives_a_failover_to_a_replica_that_never_heard_of_it(house: House, pair: Pair) -> None:
    ended, kept = await two_logins(house)
    await until(lambda: replicated(house, pair, ended))
    await pair.lag()
    assert await house.logout.end(Ending(ended.tag, ended.login, ""))

    await pair.fail_over()
    record = await pair.replica.get(login_key(ended.tag, ended.login))
    pair.lead()
    await until(lambda: answered(house, kept))

    assert record is not None
    assert record[:1] == b"L", "the promoted replica itself has the session still"
    assert not any(await passes(house, ended))
    assert all(await passes(house, kept))


async def test_a_code_that_was_claimed_opens_nothing_after_a_failover_to_a_replica_that_never_heard_of_it(
    house: House, pair: Pair
) -> None:
    """Not even the browser that claimed it, with all that it had: it begins anew, and what it has got goes on."""
    await house.add("eve")
    signed_in = await house.sign_in("eve")
    await until(lambda: replicated(house, pair, signed_in))
    live, journey = await house.live(signed_in), house.journey()
    assert live is not None
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    code = code_key(go.code.tag, code_hash(go.code))
    await until(lambda: pair.has(code))
    await pair.lag()
    session = session_of(await house.come_back(go.code, journey))

    await pair.fail_over()
    offered = await pair.replica.get(code)
    pair.lead()
    await until(lambda: answered(house, signed_in))
    again = await house.come_back(go.code, journey)
    page = await house.ask(journey.return_to, f"__Host-bastion-way={WAY.text}")

    assert session
    assert offered is not None
    assert offered[:1] == b"O", "the promoted replica itself has the code to be claimed still"
    assert (again.status, session_of(again)) == (302, "")
    assert headers_of(again)["Location"] == f"https://{HOST}{journey.return_to}"
    assert headers_of(page)["Location"].startswith(f"https://{AUTH_HOST}/login?j=")
    assert (await house.ask("/x", f"__Host-bastion={session}")).status == 200


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
