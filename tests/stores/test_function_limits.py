"""The limits inside Redis agree with their specification, and all of a call are spent or none."""

import asyncio
import random
import struct
from dataclasses import replace

import pytest

from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import Claim, Spend, Standing
from gateway.core.ratelimit.gcra import Limit, refund, spend
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.pipeline import Done
from gateway.stores.redis.wire import bucket_key
from tests.changed import parts
from tests.stores.live import LIMIT, LOGIN, NOW, PRESENTED, TAG, Server, held_library


async def test_a_miss_spends_and_claims_nothing(server: Server) -> None:
    await server.revocations.offer(TAG, "code", "h")
    own = Spend(TAG, LOGIN, LIMIT)

    missed = await server.decide(PRESENTED, own, claim=Claim("code", "h"), request_id="r1")
    await server.fill(missed.leases)
    claimed = await server.decide(PRESENTED, own, claim=Claim("code", "h"), request_id="r2")

    assert (missed.outcome, missed.spent, claimed.outcome) == (Standing.MISS, (), Standing.LIVE)
    assert claimed.spent[0].remaining == 2


@pytest.mark.parametrize("limit", [LIMIT, Limit("widest", 1, 86_400_000_000, 36_500)], ids=["few", "widest"])
async def test_redis_agrees_with_the_specification(server: Server, limit: Limit) -> None:
    """Arrivals that land on the boundary often, and a clock that jumps; also of the limit that is refilled slowest."""
    rng, full_at_us, now_us = random.Random(7), 0, NOW * 1_000_000
    for step in range(400):
        now_us += 250_000 * rng.randrange(4)
        if step % 97 == 96:
            now_us -= 3_600_000_000
        await server.redis.set("now", now_us)
        verdict = spend(limit, full_at_us, now_us)
        full_at_us = verdict.full_at_us
        got = (await server.decide(None, Spend("iaddress", "", limit))).spent[0]
        assert (got.allowed, got.retry_after_us, got.remaining) == (
            verdict.allowed,
            verdict.retry_after_us,
            verdict.remaining,
        )
        assert got.reset_us == max(0, verdict.full_at_us - now_us)


async def test_a_refund_agrees_with_the_specification(server: Server) -> None:
    """Also of a bucket that is gone, that was never spent from, or whose clock was set back."""
    rng, full_at_us, now_us, buckets = random.Random(11), 0, NOW * 1_000_000, Buckets(server.functions)
    for step in range(400):
        now_us += 250_000 * rng.randrange(4)
        if step % 97 == 96:
            now_us -= 3_600_000_000
        await server.redis.set("now", now_us)
        if rng.randrange(2):
            full_at_us = refund(LIMIT, full_at_us, now_us)
            await buckets.refund("iaddress", "", LIMIT)
            continue
        verdict = spend(LIMIT, full_at_us, now_us)
        full_at_us = verdict.full_at_us
        got = await buckets.spend("iaddress", "", LIMIT)
        assert (got.allowed, got.retry_after_us, got.remaining) == (
            verdict.allowed,
            verdict.retry_after_us,
            verdict.remaining,
        )


async def test_a_refund_puts_back_one_request_and_no_more(server: Server) -> None:
    buckets = Buckets(server.functions)
    for _ in range(2):
        await buckets.spend("dx", "", LIMIT)

    await buckets.refund("dx", "", LIMIT)
    after_one = await buckets.spend("dx", "", LIMIT)
    for _ in range(5):
        await buckets.refund("dx", "", LIMIT)
    after_all = await buckets.spend("dx", "", LIMIT)

    assert (after_one.remaining, after_all.remaining) == (1, 2)
    await buckets.refund("dx", "", LIMIT)
    assert [key async for key in server.redis.scan_iter("*b:*")] == []


class _Crossing(FunctionCalls):
    """A line that gives each of two calls the reply to the other."""

    _first: tuple[str, bytes, Done] | None = None

    def call(self, tag: str, command: bytes, done: Done) -> None:
        if self._first is None:
            self._first = tag, command, done
            return
        other_tag, other_command, other = self._first
        self._first = None
        super().call(other_tag, other_command, done)
        super().call(tag, command, other)


async def test_two_who_spend_at_once_never_take_the_others_reply(server: Server) -> None:
    """Threats.md R5: else one would pass a limit that the other is within."""
    buckets = Buckets(_Crossing(server.pipeline, held_library()))

    heard = await asyncio.gather(*(buckets.spend(slot, "", LIMIT) for slot in ("ione", "itwo")), return_exceptions=True)

    assert [type(one) for one in heard] == [StoreUnavailable] * 2


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


async def test_a_request_that_comes_twice_is_told_the_same_and_pays_once(server: Server) -> None:
    """A third time it pays: a proxy that takes over ids of clients gives them no more than twice their budget."""
    await server.bring_to_life()
    own, tight = Spend(TAG, LOGIN, LIMIT), Spend("iaddress", "", replace(LIMIT, burst=1))

    mine = [(await server.decide(PRESENTED, own, request_id="request-000001")).spent[0] for _ in range(4)]
    strangers = [(await server.decide(None, tight, request_id="request-000001")).spent[0] for _ in range(3)]

    assert parts(mine[0]) == parts(mine[1])
    assert parts(mine[2]) == parts(mine[3])
    assert [(one.allowed, one.remaining) for one in mine] == [(True, 2), (True, 2), (True, 1), (True, 1)]
    assert [one.allowed for one in strangers] == [True, True, False]


async def test_what_is_paid_once_is_the_last_request_and_nobody_without_an_id(server: Server) -> None:
    limit = replace(LIMIT, burst=5)

    async def left(request_id: str) -> int:
        return (await server.decide(None, Spend("iaddress", "", limit), request_id=request_id)).spent[0].remaining

    assert [await left(one) for one in ("", "", "request-a", "request-b", "request-a")] == [4, 3, 2, 1, 0]


async def test_a_request_that_was_refused_is_judged_anew(server: Server) -> None:
    spend_one = Spend("iaddress", "", replace(LIMIT, burst=1))
    first = await server.decide(None, spend_one, request_id="request-1")
    refused = await server.decide(None, spend_one, request_id="request-2")
    await server.set_time(NOW + 1)
    anew = await server.decide(None, spend_one, request_id="request-2")
    again = await server.decide(None, spend_one, request_id="request-2")

    assert [one.spent[0].allowed for one in (first, refused, anew, again)] == [True, False, True, True]


async def test_of_several_limits_a_repetition_pays_where_somebody_came_between(server: Server) -> None:
    everyone, own = Spend("e", "", LIMIT), Spend("e", "mine", LIMIT)
    await server.decide(None, everyone, own, request_id="request-1")
    await server.decide(None, everyone, request_id="request-2")

    again = await server.decide(None, everyone, own, request_id="request-1")

    assert [one.remaining for one in again.spent] == [0, 2]


async def test_a_clock_that_was_set_back_forgets_no_payment(server: Server) -> None:
    spend_one = Spend("iaddress", "", LIMIT)
    for number in range(3):
        await server.decide(None, spend_one, request_id=f"request-{number}")
    await server.set_time(NOW - 3_600)

    refused = await server.decide(None, spend_one, request_id="request-9")
    again = await server.decide(None, spend_one, request_id="request-2")

    assert (refused.spent[0].allowed, again.spent[0].allowed) == (False, True)


async def test_a_bucket_of_an_older_version_is_read_and_left_readable(server: Server) -> None:
    """It knew only the eight bytes of a time, and reads no further."""
    bucket, full_at = Spend("iaddress", "", LIMIT), (NOW + 1) * 1_000_000.0
    await server.redis.set(bucket_key(bucket), struct.pack("<d", full_at), px=60_000)

    spent = (await server.decide(None, bucket, request_id="request-1")).spent[0]
    written = bytes(await server.redis.get(bucket_key(bucket)))  # type: ignore[arg-type]  # no decoding is asked for

    assert spent.remaining == 1
    assert struct.unpack_from("<d", written)[0] == full_at + 1_000_000
