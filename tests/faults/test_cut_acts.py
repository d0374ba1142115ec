"""An act stops at each message that it exchanges with Postgres and Redis, and another node decides in that moment.

Then the node is cut off from both, or the message passes. Cut off at a request it has not done that step; at the answer
it has, and never hears of it. The person does it again. tests/faults/test_killed_workers.py does the like to processes,
at fewer moments.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from redis.asyncio import Redis

from gateway.core.errors import StoreUnavailable
from gateway.core.session.tokens import Token
from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from gateway.flows.people.handoff import Go
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.logout import Ending
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.database import make_pool
from tests.attacks.conftest import House, open_house, session_of
from tests.faults.relay import Cut, Passing, Relay, relaying

MOST = 200  # messages of one act
_TRIES, _PAUSE_S = 400, 0.01
_RECORDS = """
    SELECT (SELECT count(*) FROM logins) AS logins,
           (SELECT count(DISTINCT detail::json ->> 'login') FROM audit_entries WHERE kind = 'login') AS told,
           (SELECT count(DISTINCT login_id) FROM sessions) AS usable
"""


@dataclass
class Stop:
    """Of the acting node. at: the message, counted from the next; -1 is none. cuts: otherwise the message passes."""

    cuts: bool
    relays: list[Relay] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] | None = None
    at: int = -1

    async def judge(self, passing: Passing) -> bytes:
        self.at -= self.at >= 0
        if self.at != -1 or self.meanwhile is None:
            return passing.words
        meanwhile, self.meanwhile = self.meanwhile, None
        await meanwhile()
        if self.cuts:
            for relay in self.relays:
                relay.cut()
            raise Cut
        return passing.words

    async def during(self, act: Callable[[], Awaitable[object]], meanwhile: Callable[[], Awaitable[object]]) -> int:
        """How many moments there are: the act is tried once for each, and then once more in peace."""
        for moment in range(MOST):
            self.at, self.meanwhile = moment + 1, meanwhile
            await act()
            if self.meanwhile is not None:
                self.at, self.meanwhile = -1, None
                return moment
        pytest.fail("the act never came to its end")


@dataclass
class Pair:
    """here acts, and there decides."""

    here: House
    there: House
    stop: Stop

    @property
    def tries(self) -> int:
        """What another node decides meanwhile is no reason to do anything again."""
        return _TRIES if self.stop.cuts else 1

    async def until_signed_in(self, old: Token | None = None) -> Token:
        """Again and again, with the cookie from before."""
        for _ in range(self.tries):
            with suppress(StoreUnavailable, RecordUnavailable):
                current = None if old is None else await self.here.live(old)
                outcome = await self.here.attempt("eve", current=current)
                assert isinstance(outcome, SignedIn)
                return outcome.token
            await asyncio.sleep(_PAUSE_S)
        pytest.fail("nobody could sign in")

    async def until_on_the_host(self, token: Token) -> str:
        """The session of the host, by the whole way there."""
        for _ in range(self.tries):
            with suppress(StoreUnavailable, RecordUnavailable):
                live, journey = await self.here.live(token), self.here.journey()
                assert live is not None
                go = await self.here.handoff.pass_on(live, journey, None, "")
                assert isinstance(go, Go)
                session = session_of(await self.here.come_back(go.code, journey))
                if session:
                    return session
            await asyncio.sleep(_PAUSE_S)
        pytest.fail("nobody could pass on")

    async def leave(self, token: Token) -> None:
        assert await self.there.logout.end(Ending(token.tag, token.login, ""))
        assert not await self.there.lives(token)


@pytest.fixture
def redis_url(primary: EmbeddedValkey) -> str:
    """Of the node that decides: no relay."""
    return primary.url


@pytest.fixture(params=[True, False], ids=["cut off", "passed on"])
async def pair(
    request: pytest.FixtureRequest,
    house: House,
    short_directory: Path,
    tmp_path: Path,
    postgres_server: EmbeddedPostgres,
    database_url: str,
    primary: EmbeddedValkey,
    redis: Redis,
) -> AsyncIterator[Pair]:
    assert await redis.ping()
    stop = Stop(cuts=request.param)
    directory = short_directory / f"cut-{request.param}"
    directory.mkdir(exist_ok=True)
    (tmp_path / "here").mkdir()
    database = f"postgresql://bastion@{urlsplit(database_url).path}?host={quote(str(directory), safe='')}"
    async with AsyncExitStack() as stack:
        for name, target in ((".s.PGSQL.5432", postgres_server.home / ".s.PGSQL.5432"), ("redis", primary.socket)):
            stop.relays.append(await stack.enter_async_context(relaying(directory / name, target, stop.judge)))
        pool = await stack.enter_async_context(make_pool(database, 2))
        redis_url = f"unix://{directory / 'redis'}"
        here = await stack.enter_async_context(open_house(pool, redis_url, tmp_path / "here", seed=8))
        await house.add("eve")
        yield Pair(here, house, stop)
    for name in (".s.PGSQL.5432", "redis"):
        (directory / name).unlink(missing_ok=True)


async def test_a_login_is_whole_or_none_and_the_one_that_is_told_can_be_ended(pair: Pair) -> None:
    first = await pair.until_signed_in()

    async def act() -> None:
        token = await pair.until_signed_in()
        assert await pair.there.lives(token)
        await pair.leave(token)

    moments = await pair.stop.during(act, lambda: pair.there.lives(first))

    records = await pair.there.pool.fetchrow(_RECORDS)
    assert records is not None
    assert records["logins"] == records["told"] == records["usable"] > moments >= 10


async def test_a_second_login_opens_and_can_be_ended_whatever_was_decided_meanwhile(pair: Pair) -> None:
    old = await pair.until_signed_in()

    async def act() -> None:
        nonlocal old
        token = await pair.until_signed_in(old)
        assert await pair.there.lives(token)
        assert token.login == old.login or not await pair.there.lives(old), "the one that was replaced goes on"
        old = token

    assert await pair.stop.during(act, lambda: pair.there.lives(old)) >= 10
    assert await pair.there.pool.fetchval("SELECT count(*) FROM logins WHERE ended_at IS NULL") == 1
    await pair.leave(old)


async def test_a_hand_off_opens_the_host_and_ends_with_its_login_whatever_was_decided_meanwhile(pair: Pair) -> None:
    token, sessions = await pair.until_signed_in(), list[str]()

    async def act() -> None:
        session = await pair.until_on_the_host(token)
        assert (await pair.there.ask("/x", f"__Host-bastion={session}")).status == 200
        sessions.append(session)

    assert await pair.stop.during(act, lambda: pair.there.lives(token)) >= 10
    await pair.leave(token)
    after = {(await pair.there.ask("/x", f"__Host-bastion={session}")).status for session in sessions}
    assert after == {302}
