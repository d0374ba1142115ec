"""The functions inside Redis: a session lives while both its records do, and nothing that was ended comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.principal.ask import Claim, Leases, Presented, ProofClaim, Spend, Standing
from gateway.core.session.login_record import Session
from gateway.embedded import EmbeddedValkey
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.proofs import Proofs
from gateway.stores.redis.revocations import Revocations
from gateway.stores.redis.wire import login_key, person_key
from tests.running import running
from tests.stores.live import CREDENTIAL, LIMIT, LOGIN, NOW, PERSON, PRESENTED, TAG, Server


async def test_a_live_session_is_let_in_with_its_facts(server: Server) -> None:
    await server.bring_to_life()

    reply = await server.decide()

    assert (reply.outcome, reply.person, reply.login, reply.leases) == (Standing.LIVE, PERSON, LOGIN, None)
    assert reply.now_us == NOW * 1_000_000
    assert reply.facts is not None
    assert (reply.facts.assurance, reply.facts.expires_at) == (by_password(NOW - 50), NOW + 10_000)


async def test_two_workers_share_one_lease_and_one_of_them_writes(server: Server) -> None:
    first, second = await server.decide(), await server.decide()

    assert first.leases == second.leases
    assert await server.fill(first.leases) == (True, True)
    assert await server.fill(second.leases) == (False, False)
    assert (await server.decide()).outcome is Standing.LIVE


async def test_only_what_is_missing_is_leased(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.stale_person(TAG)

    missed = await server.decide()

    assert missed.outcome is Standing.MISS
    assert missed.leases is not None
    assert missed.leases.person
    assert missed.leases.login == 0
    assert await server.fill(missed.leases) == (True, True)
    assert (await server.decide()).outcome is Standing.LIVE


REVOKED: dict[str, Callable[[Server], object]] = {
    "logout": lambda server: server.revocations.end("login", TAG, LOGIN),
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
    assert (await server.decide()).outcome in (Standing.MISS, Standing.ENDED)


@pytest.mark.parametrize("revoke", REVOKED.values(), ids=REVOKED)
async def test_a_live_session_ends_with_the_revocation(server: Server, revoke: Callable[[Server], object]) -> None:
    await server.bring_to_life()

    await revoke(server)  # type: ignore[misc]  # each is awaitable

    assert (await server.decide()).outcome in (Standing.MISS, Standing.ENDED)


async def test_an_end_is_final_whatever_comes_after(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.end("login", TAG, LOGIN)

    await server.revocations.stale_login(TAG, LOGIN)

    assert (await server.decide()).outcome is Standing.ENDED


async def test_what_postgres_says_is_over_is_remembered(server: Server) -> None:
    missed = await server.decide()

    await server.fill(missed.leases, expires_at=0)

    assert (await server.decide()).outcome is Standing.ENDED
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

    assert (await server.decide(presented)).outcome in (Standing.MISS, Standing.UNKNOWN)


@pytest.mark.parametrize(("after_s", "outcome"), [(599, Standing.LIVE), (600, Standing.ENDED), (601, Standing.ENDED)])
async def test_idle_ends_on_the_second(server: Server, after_s: int, outcome: Standing) -> None:
    await server.bring_to_life()

    await server.set_time(NOW + after_s)

    assert (await server.decide()).outcome is outcome


async def test_activity_slides_idle_and_never_the_absolute_end(server: Server) -> None:
    await server.bring_to_life(expires_at=NOW + 1_500)
    for after_s in (500, 1_000, 1_499):
        await server.set_time(NOW + after_s)
        assert (await server.decide()).outcome is Standing.LIVE

    await server.set_time(NOW + 1_500)

    assert (await server.decide()).outcome is Standing.ENDED


@pytest.mark.parametrize(("after_s", "outcome"), [(19, Standing.LIVE), (20, Standing.UNKNOWN)])
async def test_a_replaced_secret_passes_for_twenty_seconds(server: Server, after_s: int, outcome: Standing) -> None:
    await server.bring_to_life(sessions=(Session(CREDENTIAL, by_password(NOW), NOW + 20),))

    await server.set_time(NOW + after_s)

    assert (await server.decide()).outcome is outcome


async def test_a_record_is_confirmed_once_when_it_is_due_and_served_meanwhile(server: Server) -> None:
    await server.bring_to_life()
    await server.set_time(NOW + 59)
    early = await server.decide()
    await server.set_time(NOW + 60)

    due, next_one = await server.decide(), await server.decide()

    assert early.leases is None
    assert (due.outcome, next_one.outcome, next_one.leases) == (Standing.LIVE, Standing.LIVE, None)
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

    assert (await server.decide()).outcome is Standing.LIVE


async def test_a_clock_that_is_set_back_prolongs_nothing(server: Server) -> None:
    await server.bring_to_life()
    await server.set_time(NOW - 3_600)
    await server.decide()

    await server.set_time(NOW - 3_600 + 600)

    assert (await server.decide()).outcome is Standing.ENDED


async def test_a_code_is_used_up_once_and_the_same_request_hears_the_same(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "wiki.example.org")
    claim = Claim("code", "wiki.example.org")

    first = await server.decide(claim=claim, request_id="request-1")
    again = await server.decide(claim=claim, request_id="request-1")
    replayed = await server.decide(claim=claim, request_id="request-2")
    await server.set_time(NOW + 11)
    late = await server.decide(claim=claim, request_id="request-1")

    assert [one.outcome for one in (first, again)] == [Standing.LIVE, Standing.LIVE]
    assert [one.outcome for one in (replayed, late)] == [Standing.CLAIM_REFUSED, Standing.CLAIM_REFUSED]


@pytest.mark.parametrize(
    ("claim", "after_s"),
    [
        (Claim("other", "wiki.example.org"), 0),
        (Claim("code", "other.example.org"), 0),
        (Claim("code", "wiki.example.org"), 31),
    ],
    ids=["another code", "another host", "too late"],
)
async def test_each_part_of_a_claim_carries_weight(server: Server, claim: Claim, after_s: int) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "wiki.example.org")

    await server.set_time(NOW + after_s)

    assert (await server.decide(claim=claim, request_id="r")).outcome is Standing.CLAIM_REFUSED


async def test_twenty_claims_at_once_have_one_winner(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "h")

    replies = await asyncio.gather(
        *(server.decide(claim=Claim("code", "h"), request_id=f"r{number}") for number in range(20))
    )

    assert sum(one.outcome is Standing.LIVE for one in replies) == 1


async def test_a_promoted_or_restarted_server_serves_nothing_old(server: Server) -> None:
    """Another incarnation: all records are there as before, and none of them counts."""
    await server.bring_to_life()
    assert (await server.decide()).outcome is Standing.LIVE
    await server.redis.replicaof("127.0.0.1", "1")
    await server.redis.replicaof("NO", "ONE")
    await server.set_time(NOW + 1)

    assert (await server.decide()).outcome is Standing.MISS


async def test_a_restart_from_an_old_image_serves_nothing_old(server: Server, redis_server: EmbeddedValkey) -> None:
    """The record was saved, its end was not (threats.md R1)."""
    await server.bring_to_life()
    await server.redis.save()
    await server.revocations.end("login", TAG, LOGIN)
    redis_server.kill()
    redis_server.start()
    await server.redis.connection_pool.disconnect()
    kept = await server.redis.get(login_key(TAG, LOGIN))
    while not server.pipeline.connected:
        await asyncio.sleep(0.01)

    outcome = (await server.decide()).outcome

    assert kept is not None
    assert kept[:1] == b"L", "the old image is there"
    assert outcome is Standing.MISS
    await server.redis.flushall()
    await server.redis.save()


async def test_a_lost_library_is_loaded_again(server: Server) -> None:
    await server.bring_to_life()
    await server.redis.function_flush()

    first = await server.decide()
    await server.revocations.end("login", TAG, LOGIN)

    assert first.outcome is not None
    assert (await server.decide()).outcome is Standing.ENDED


FIRST_CALLS: dict[str, Callable[[Server], Awaitable[object]]] = {
    "decide": lambda server: server.decide(),
    "prove": lambda server: server.decide(proof=ProofClaim("j" * 22, NOW, 0)),
    "witness": lambda server: Proofs(server.functions).use("p", ProofClaim("j" * 22, NOW, 0), "r"),
    "spend": lambda server: server.decide(None, Spend("e", "who", LIMIT)),
    "refund": lambda server: Buckets(server.functions).refund("e", "who", LIMIT),
    "fill": lambda server: server.fill(Leases(1, 1)),
    "finish": lambda server: server.revocations.end("login", TAG, LOGIN),
    "stale": lambda server: server.revocations.stale_login(TAG, LOGIN),
    "deny": lambda server: server.revocations.deny_until(TAG, LOGIN, NOW * 2),
    "offer": lambda server: server.revocations.offer(TAG, "code", "h"),
}


@pytest.mark.parametrize("call", FIRST_CALLS.values(), ids=FIRST_CALLS)
async def test_any_function_may_be_the_first_that_a_new_server_hears(
    server: Server, call: Callable[[Server], Awaitable[object]]
) -> None:
    """A library that was just loaded knows neither the time nor the incarnation."""
    await server.redis.function_flush()

    await call(server)

    assert await server.redis.function_list(library="*")


async def test_every_key_ends_by_itself(server: Server) -> None:
    await server.bring_to_life()
    await server.revocations.offer(TAG, "code", "h")
    await server.decide(PRESENTED, Spend(TAG, LOGIN, LIMIT), claim=Claim("code", "h"), request_id="r")
    await server.decide(replace(PRESENTED, login="m" * 22))
    await server.decide(proof=ProofClaim("j" * 22, NOW, None), request_id="r")

    keys = [key async for key in server.redis.scan_iter() if key != b"now"]

    assert len(keys) == 6
    assert all([await server.redis.pttl(key) > 0 for key in keys])


async def test_the_library_of_the_product_loads_twice_and_answers(redis: Redis, redis_url: str) -> None:
    await redis.function_load(library().source, replace=True)
    async with running(Pipeline(redis_url, 1)) as pipeline:
        await pipeline.ask(library().load_command)

        await Revocations(FunctionCalls(pipeline, library())).end("login", TAG, LOGIN)

    assert await redis.get(login_key(TAG, LOGIN)) == b"X"
