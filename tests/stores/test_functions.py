"""The functions inside Redis: a session lives while both its records do, and nothing that was ended comes back."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from importlib import resources

import pytest
from redis.asyncio import Redis

from gateway.core.forward.ask import Claim, Leases, Outcome, Presented, Question, Reply, Spend
from gateway.core.ratelimit.gcra import Limit, spend
from gateway.core.session.login_record import Session
from gateway.embedded import EmbeddedValkey
from gateway.stores.redis.decisions import DecisionCalls, Fill, FunctionCalls, login_key, person_key
from gateway.stores.redis.functions.library import Library, library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations

TAG, LOGIN, CREDENTIAL = "t" * 16, "l" * 22, b"c" * 16
PRESENTED = Presented(TAG, LOGIN, CREDENTIAL)
PERSON = b"sealed person"
NOW = int(time.time())  # of the real Redis, whose keys end by it
LIMIT = Limit("L", count=5, period_us=5_000_000, burst=3)


class Server:
    """The functions with a clock that the test holds (it lies in a key; the product's source asks TIME)."""

    def __init__(self, pipeline: Pipeline, redis: Redis, source: Library) -> None:
        self.pipeline = pipeline
        self.functions = FunctionCalls(pipeline, source)
        self.calls = DecisionCalls(self.functions)
        self.revocations = Revocations(self.functions)
        self.redis = redis
        self.now = NOW
        self.number = 0

    async def set_time(self, now: float) -> None:
        self.now = int(now)
        await self.redis.set("now", int(now * 1_000_000))

    async def decide(
        self, presented: Presented | None = PRESENTED, *spends: Spend, claim: Claim | None = None
    ) -> Reply:
        self.number += 1
        answered: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self.calls.ask(Question(self.number, presented, claim, spends), answered.set_result)
        reply = await answered
        assert reply is not None
        return reply

    async def fill(self, leases: Leases | None, **changed: object) -> tuple[bool, bool]:
        assert leases is not None
        usual = Fill(TAG, LOGIN, leases, PERSON, NOW + 10_000, NOW + 600, 600, (Session(CREDENTIAL, NOW - 50, 0, 0),))
        return await self.calls.fill(replace(usual, **changed))  # type: ignore[arg-type]  # field names of Fill

    async def bring_to_life(self, **changed: object) -> None:
        missed = await self.decide()
        assert missed.outcome is Outcome.MISS
        assert await self.fill(missed.leases, **changed) == (True, True)


@pytest.fixture
async def server(redis: Redis, redis_url: str) -> AsyncIterator[Server]:
    text = resources.files("gateway.stores.redis.functions").joinpath("bastion.lua").read_text("utf-8")
    real = "local t = redis.call('TIME')"
    assert text.count(real) == 1
    held = "local v = redis.call('GET', 'now') local t = {string.sub(v, 1, -7), string.sub(v, -6)}"
    pipeline = Pipeline(redis_url, 1)
    task = asyncio.create_task(pipeline.run())
    await pipeline.ready()
    server = Server(pipeline, redis, Library.of(text.replace(real, held)))
    await server.set_time(NOW)
    yield server
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_live_session_is_let_in_with_its_facts(server: Server) -> None:
    await server.bring_to_life()

    reply = await server.decide()

    assert (reply.outcome, reply.person, reply.login, reply.leases) == (Outcome.LIVE, PERSON, LOGIN, None)
    assert reply.now_us == NOW * 1_000_000
    assert reply.facts is not None
    assert (reply.facts.authenticated_at, reply.facts.mfa_at, reply.facts.expires_at) == (NOW - 50, 0, NOW + 10_000)


async def test_two_workers_share_one_lease_and_one_of_them_writes(server: Server) -> None:
    first, second = await server.decide(), await server.decide()

    assert first.leases == second.leases
    assert await server.fill(first.leases) == (True, True)
    assert await server.fill(second.leases) == (False, False)
    assert (await server.decide()).outcome is Outcome.LIVE


async def test_only_what_is_missing_is_leased(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.stale_person(TAG)

    missed = await server.decide()

    assert missed.outcome is Outcome.MISS
    assert missed.leases is not None
    assert missed.leases.person
    assert missed.leases.login == 0
    assert await server.fill(missed.leases) == (True, True)
    assert (await server.decide()).outcome is Outcome.LIVE


REVOKED: dict[str, Callable[[Server], object]] = {
    "logout": lambda server: server.revocations.end_login(TAG, LOGIN),
    "a change of the login": lambda server: server.revocations.stale_login(TAG, LOGIN),
    "a change of the person": lambda server: server.revocations.stale_person(TAG),
    "a logout that Postgres missed": lambda server: server.revocations.deny_until(TAG, LOGIN, NOW * 2),
    "an empty Redis": lambda server: server.redis.delete(person_key(TAG), login_key(TAG, LOGIN)),
}


@pytest.mark.parametrize("revoke", REVOKED.values(), ids=REVOKED)
async def test_a_refill_that_read_before_a_revocation_writes_nothing_that_passes(
    server: Server, revoke: Callable[[Server], object]
) -> None:
    missed = await server.decide()

    await revoke(server)  # type: ignore[misc]  # each is awaitable
    written = await server.fill(missed.leases)

    assert False in written
    assert (await server.decide()).outcome in (Outcome.MISS, Outcome.ENDED)


@pytest.mark.parametrize("revoke", REVOKED.values(), ids=REVOKED)
async def test_a_live_session_ends_with_the_revocation(server: Server, revoke: Callable[[Server], object]) -> None:
    await server.bring_to_life()

    await revoke(server)  # type: ignore[misc]  # each is awaitable

    assert (await server.decide()).outcome in (Outcome.MISS, Outcome.ENDED)


async def test_an_end_is_final_whatever_comes_after(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.end_login(TAG, LOGIN)

    await server.revocations.stale_login(TAG, LOGIN)

    assert (await server.decide()).outcome is Outcome.ENDED


async def test_what_postgres_says_is_over_is_remembered(server: Server) -> None:
    missed = await server.decide()

    await server.fill(missed.leases, expires_at=0)

    assert (await server.decide()).outcome is Outcome.ENDED
    assert 0 < await server.redis.pttl(login_key(TAG, LOGIN)) <= 60_000


LEGS: dict[str, Presented] = {
    "another tag": replace(PRESENTED, tag="x" * 16),
    "another login": replace(PRESENTED, login="x" * 22),
    "another credential": replace(PRESENTED, credential=b"x" * 16),
    "the bytes between two sessions": replace(
        PRESENTED, credential=b"c" * 8 + (NOW - 50).to_bytes(4, "little") + bytes(4)
    ),
}


@pytest.mark.parametrize("presented", LEGS.values(), ids=LEGS)
async def test_each_part_of_a_token_carries_weight(server: Server, presented: Presented) -> None:
    await server.bring_to_life()

    assert (await server.decide(presented)).outcome in (Outcome.MISS, Outcome.UNKNOWN)


@pytest.mark.parametrize(("after_s", "outcome"), [(599, Outcome.LIVE), (600, Outcome.ENDED), (601, Outcome.ENDED)])
async def test_idle_ends_on_the_second(server: Server, after_s: int, outcome: Outcome) -> None:
    await server.bring_to_life()

    await server.set_time(NOW + after_s)

    assert (await server.decide()).outcome is outcome


async def test_activity_slides_idle_and_never_the_absolute_end(server: Server) -> None:
    await server.bring_to_life(expires_at=NOW + 1_500)
    for after_s in (500, 1_000, 1_499):
        await server.set_time(NOW + after_s)
        assert (await server.decide()).outcome is Outcome.LIVE

    await server.set_time(NOW + 1_500)

    assert (await server.decide()).outcome is Outcome.ENDED


@pytest.mark.parametrize(("after_s", "outcome"), [(19, Outcome.LIVE), (20, Outcome.UNKNOWN)])
async def test_a_replaced_secret_passes_for_twenty_seconds(server: Server, after_s: int, outcome: Outcome) -> None:
    await server.bring_to_life(sessions=(Session(CREDENTIAL, NOW, 0, NOW + 20),))

    await server.set_time(NOW + after_s)

    assert (await server.decide()).outcome is outcome


async def test_a_record_is_confirmed_once_when_it_is_due_and_served_meanwhile(server: Server) -> None:
    await server.bring_to_life()
    await server.set_time(NOW + 59)
    early = await server.decide()
    await server.set_time(NOW + 60)

    due, next_one = await server.decide(), await server.decide()

    assert early.leases is None
    assert (due.outcome, next_one.outcome, next_one.leases) == (Outcome.LIVE, Outcome.LIVE, None)
    assert due.leases is not None
    assert due.leases.person
    assert due.leases.login
    assert await server.fill(due.leases) == (True, True)


async def test_a_confirmation_does_not_take_back_the_idle_time_of_requests_meanwhile(server: Server) -> None:
    await server.bring_to_life()
    await server.set_time(NOW + 60)
    due = await server.decide()
    await server.set_time(NOW + 100)
    await server.decide()
    await server.fill(due.leases, idle_at=NOW + 600)

    await server.set_time(NOW + 699)

    assert (await server.decide()).outcome is Outcome.LIVE


async def test_a_clock_that_is_set_back_prolongs_nothing(server: Server) -> None:
    await server.bring_to_life()
    await server.set_time(NOW - 3_600)
    await server.decide()

    await server.set_time(NOW - 3_600 + 600)

    assert (await server.decide()).outcome is Outcome.ENDED


async def test_a_code_is_used_up_once_and_the_same_request_hears_the_same(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "wiki.example.org")
    claim = Claim("code", "wiki.example.org", "request-1")

    first = await server.decide(claim=claim)
    again = await server.decide(claim=claim)
    replayed = await server.decide(claim=replace(claim, request_id="request-2"))
    await server.set_time(NOW + 11)
    late = await server.decide(claim=claim)

    assert [one.outcome for one in (first, again)] == [Outcome.LIVE, Outcome.LIVE]
    assert [one.outcome for one in (replayed, late)] == [Outcome.CLAIM_REFUSED, Outcome.CLAIM_REFUSED]


@pytest.mark.parametrize(
    ("claim", "after_s"),
    [
        (Claim("other", "wiki.example.org", "r"), 0),
        (Claim("code", "other.example.org", "r"), 0),
        (Claim("code", "wiki.example.org", "r"), 31),
    ],
    ids=["another code", "another host", "too late"],
)
async def test_each_part_of_a_claim_carries_weight(server: Server, claim: Claim, after_s: int) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "wiki.example.org")

    await server.set_time(NOW + after_s)

    assert (await server.decide(claim=claim)).outcome is Outcome.CLAIM_REFUSED


async def test_twenty_claims_at_once_have_one_winner(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "h")

    replies = await asyncio.gather(*(server.decide(claim=Claim("code", "h", f"r{number}")) for number in range(20)))

    assert sum(one.outcome is Outcome.LIVE for one in replies) == 1


async def test_a_miss_spends_and_claims_nothing(server: Server) -> None:
    await server.revocations.offer(TAG, "code", "h")
    own = Spend(TAG, LOGIN, LIMIT)

    missed = await server.decide(PRESENTED, own, claim=Claim("code", "h", "r1"))
    await server.fill(missed.leases)
    claimed = await server.decide(PRESENTED, own, claim=Claim("code", "h", "r2"))

    assert (missed.outcome, missed.spent, claimed.outcome) == (Outcome.MISS, (), Outcome.LIVE)
    assert claimed.spent[0].remaining == 2


async def test_redis_agrees_with_the_specification(server: Server) -> None:
    """Arrivals that land on the boundary often, and a clock that jumps."""
    rng, full_at_us, now_us = random.Random(7), 0, NOW * 1_000_000
    for step in range(400):
        now_us += 250_000 * rng.randrange(4)
        if step % 97 == 96:
            now_us -= 3_600_000_000
        await server.redis.set("now", now_us)
        verdict = spend(LIMIT, full_at_us, now_us)
        full_at_us = verdict.full_at_us
        got = (await server.decide(None, Spend("iaddress", "", LIMIT))).spent[0]
        assert (got.allowed, got.retry_after_us, got.remaining) == (
            verdict.allowed,
            verdict.retry_after_us,
            verdict.remaining,
        )
        assert got.reset_us == max(0, verdict.full_at_us - now_us)


async def test_of_several_limits_of_a_slot_all_have_room_or_none_is_spent(server: Server) -> None:
    await server.bring_to_life()
    tight, wide = Spend(TAG, LOGIN, replace(LIMIT, name="tight", burst=1)), Spend(TAG, LOGIN, LIMIT)

    first = await server.decide(PRESENTED, wide, tight)
    second = await server.decide(PRESENTED, wide, tight)
    third = await server.decide(PRESENTED, wide)

    assert [one.allowed for one in first.spent] == [True, True]
    assert [one.allowed for one in second.spent] == [True, False]
    assert third.spent[0].remaining == 1


async def test_limits_of_several_slots_come_back_in_their_order(server: Server) -> None:
    await server.bring_to_life()
    spends = [
        Spend("iaddress", "", replace(LIMIT, name="A", burst=2)),
        Spend(TAG, LOGIN, replace(LIMIT, name="B", burst=3)),
        Spend("e", "", replace(LIMIT, name="C", burst=4)),
        Spend("iaddress", "", replace(LIMIT, name="D", burst=5)),
    ]

    with_login = await server.decide(PRESENTED, *spends)
    as_nobody = await server.decide(None, *(one for one in spends if one.slot != TAG))

    assert [one.remaining for one in with_login.spent] == [1, 2, 3, 4]
    assert [one.remaining for one in as_nobody.spent] == [0, 2, 3]


async def test_a_promoted_or_restarted_server_serves_nothing_old(server: Server) -> None:
    """Another incarnation: all records are there as before, and none of them counts."""
    await server.bring_to_life()
    assert (await server.decide()).outcome is Outcome.LIVE
    await server.redis.replicaof("127.0.0.1", "1")
    await server.redis.replicaof("NO", "ONE")
    await server.set_time(NOW + 1)

    assert (await server.decide()).outcome is Outcome.MISS


async def test_a_restart_from_an_old_image_serves_nothing_old(server: Server, redis_server: EmbeddedValkey) -> None:
    """The record was saved, its end was not (threats.md R1)."""
    await server.bring_to_life()
    await server.redis.save()
    await server.revocations.end_login(TAG, LOGIN)
    redis_server.kill()
    redis_server.start()
    await server.redis.connection_pool.disconnect()
    kept = await server.redis.get(login_key(TAG, LOGIN))
    while not server.pipeline.connected:
        await asyncio.sleep(0.01)

    outcome = (await server.decide()).outcome

    assert kept is not None
    assert kept[:1] == b"L", "the old image is there"
    assert outcome is Outcome.MISS
    await server.redis.flushall()
    await server.redis.save()


async def test_a_lost_library_is_loaded_again(server: Server) -> None:
    await server.bring_to_life()
    await server.redis.function_flush()

    first = await server.decide()
    await server.revocations.end_login(TAG, LOGIN)

    assert first.outcome is not None
    assert (await server.decide()).outcome is Outcome.ENDED


async def test_every_key_ends_by_itself(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "h")
    await server.decide(PRESENTED, Spend(TAG, LOGIN, LIMIT), claim=Claim("code", "h", "r"))
    await server.decide(replace(PRESENTED, login="m" * 22))

    keys = [key async for key in server.redis.scan_iter() if key != b"now"]

    assert len(keys) == 5
    assert all([await server.redis.pttl(key) > 0 for key in keys])


async def test_the_library_of_the_product_loads_twice_and_answers(redis: Redis, redis_url: str) -> None:
    await redis.function_load(library().source, replace=True)
    pipeline = Pipeline(redis_url, 1)
    task = asyncio.create_task(pipeline.run())
    await pipeline.ready()
    await pipeline.ask(library().load_command)

    await Revocations(FunctionCalls(pipeline, library())).end_login(TAG, LOGIN)

    assert await redis.get(login_key(TAG, LOGIN)) == b"X"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
