"""A receiver that fails gets all of it in the end, or an operator hears of it; and it is in nobody else's way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from gateway.core.outbox.kinds import FixedPauses, Pauses
from gateway.core.webhooks.message import Place
from gateway.flows.webhooks.endpoint_admin import EndpointRefused
from tests.receiver import Receiver, until, with_status
from tests.webhooks.house import Verifier, WebhookHouse

LATER = FixedPauses((3_600.0,))
SELDOM = Pauses(3_600, 3_600)


async def waiting(house: WebhookHouse) -> list[tuple[int, int, str]]:
    """Position, tries and status of each message that waits."""
    rows = await house.rows("SELECT position, tries, status FROM outbox WHERE state = 'waiting' ORDER BY id")
    return [(row["position"], row["tries"], row["status"]) for row in rows]


async def settled(house: WebhookHouse, failures: int) -> None:
    """So many attempts have failed, and nothing is on its way."""
    await until(lambda: house.counted["failed"] >= failures)
    async with asyncio.timeout(20):
        while await house.rows("SELECT FROM outbox WHERE lease_until >= now()"):
            await asyncio.sleep(0.01)


async def test_only_what_fails_while_others_pass_becomes_a_dead_letter(
    house: WebhookHouse, receiver: Receiver, other_receiver: Receiver
) -> None:
    """The log says so, and the endpoint that has the dead letter is not told of it."""
    taking, watching = Verifier(receiver), Verifier(other_receiver)
    endpoint, taking.secret = await house.add(receiver.url, "login_failed,delivery_dead")
    _, watching.secret = await house.add(other_receiver.url, "delivery_dead")

    async def choose(request: web.Request) -> web.StreamResponse:
        return web.Response(status=400 if f'"position":{broken},' in await request.text() else 204)

    taking.answer = choose
    await house.fail_logins(1)
    broken = (await house.rows("SELECT max(position) AS newest FROM audit_links"))[0]["newest"]
    async with house.serving():
        async with asyncio.timeout(50):
            while not await house.entries("delivery_dead"):
                await house.fail_logins(1)
                await asyncio.sleep(0.02)
        await until(lambda: len(watching.bodies) == 1)

    (dead,) = await house.entries("delivery_dead")
    assert dead == {"message": "webhook", "destination": f"endpoint/{endpoint}"}
    (letter,) = await house.admin.deliveries(endpoint, ("dead",), 10)
    assert (letter.position, letter.status, letter.tries) == (broken, "it answered 400", 10)
    assert {body["type"] for body in taking.bodies} == {"login_failed"}


async def test_after_five_failures_one_probe_at_a_time_takes_the_place_of_all(
    house: WebhookHouse, receiver: Receiver
) -> None:
    """A probe counts for no message, so a receiver that is away loses nothing."""
    receiver.answer = with_status(503)
    endpoint, _ = await house.add(receiver.url, "login_failed")
    await house.fail_logins(20)
    await house.follow.work()

    async with house.delivering(steps=LATER, probes=SELDOM):
        await settled(house, 5)
        await asyncio.sleep(0.3)
        found, level = await house.endpoint(endpoint)
        before = len(receiver.heard)
    tries = [tries for _, tries, _ in await waiting(house)]

    assert 5 <= before <= 6, "two may be on their way when the fifth fails"
    assert found.failures == before
    assert 3_000 < found.held_s < 3_700
    assert (level.behind >= 20, sum(tries)) == (True, 4)

    async with house.acts.begin() as act:
        await act.endpoints.resume(endpoint)
    for _ in range(5):
        async with house.acts.begin() as act:
            await act.endpoints.failed(endpoint)
    async with house.delivering(steps=LATER, probes=Pauses(0.02, 0.02)):
        await until(lambda: len(receiver.heard) >= before + 8)
    (counted,) = await house.rows(
        "SELECT sum(tries) - count(*) FILTER (WHERE lease_until >= now()) AS tries FROM outbox"
    )
    assert counted["tries"] == 4, "however often it is probed; a probe that was cut off just now still has its lease"
    assert not await house.entries("delivery_dead")


async def test_a_probe_that_arrives_brings_the_rest(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, secret = await house.add(receiver.url, "login_failed")
    receiver.answer = with_status(500)
    await house.fail_logins(30)
    async with house.serving():
        await until(lambda: house.counted["failed"] >= 8)
        taking = Verifier(receiver, secret)
        await until(lambda: len({*taking.positions}) == 30)
        await until(lambda: house.counted["delivered"] == 30)
        await settled(house, 0)

    found, level = await house.endpoint(endpoint)
    assert (found.failures, found.failing_s, found.held_s, level.failures) == (0, 0, 0, 0)
    assert len(await house.rows("SELECT FROM outbox WHERE state = 'done'")) == 30


async def test_an_ordered_endpoint_gets_one_at_a_time_and_nothing_before_what_failed(
    house: WebhookHouse, receiver: Receiver
) -> None:
    _, secret = await house.add(receiver.url, "login_failed", ordered=True)
    taking, at_once, most = Verifier(receiver, secret), 0, 0

    async def slowly(_request: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return web.Response(status=503 if len(receiver.heard) % 3 == 0 else 204)

    taking.answer = slowly
    await house.fail_logins(15)
    async with house.serving():
        await until(lambda: len(taking.bodies) == 15)

    assert most == 1
    assert taking.positions == sorted(taking.positions)


async def test_one_without_order_gets_two_at_a_time(house: WebhookHouse, receiver: Receiver) -> None:
    await house.add(receiver.url, "login_failed")
    forever = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response()

    receiver.answer = hang
    await house.fail_logins(6)
    await house.follow.work()
    async with house.delivering():
        await receiver.has_heard(2)
        await asyncio.sleep(0.3)
        assert len(receiver.heard) == 2
        forever.set()


async def test_one_that_hangs_delays_nobody_else(
    house: WebhookHouse, receiver: Receiver, other_receiver: Receiver
) -> None:
    """evidence.md X11"""
    forever = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response()

    receiver.answer = hang
    await house.add(receiver.url, "login_failed")
    _, secret = await house.add(other_receiver.url, "login_failed")
    taking = Verifier(other_receiver, secret)
    await house.fail_logins(50)
    async with house.serving():
        async with asyncio.timeout(20):
            await until(lambda: len(taking.bodies) == 50)
            await until(lambda: house.counted["delivered"] >= 49)
        assert len(receiver.heard) <= 2 + house.counted["failed"]
        forever.set()


@asynccontextmanager
async def answered(house: WebhookHouse, receiver: Receiver, answer: web.Response) -> AsyncIterator[str]:
    """The id of an endpoint whose receiver has answered that to its first message."""

    async def say(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=answer.status, headers=answer.headers)

    receiver.answer = say
    endpoint, _ = await house.add(receiver.url, "login_failed")
    await house.fail_logins(2)
    await house.follow.work()
    async with house.delivering(senders=1, steps=FixedPauses((5,) * 9)):
        await settled(house, 1)
        await asyncio.sleep(0.1)
        yield endpoint


@pytest.mark.parametrize(
    ("asked", "least_s", "most_s"), [("120", 110, 120), ("999999", 86_000, 86_400), ("0", -1, 0), ("nonsense", -1, 0)]
)
async def test_a_receiver_says_when_it_wants_to_be_asked_again(
    house: WebhookHouse, receiver: Receiver, asked: str, least_s: int, most_s: int
) -> None:
    answer = web.Response(status=429, headers={"Retry-After": asked})
    async with answered(house, receiver, answer) as endpoint:
        found, _ = await house.endpoint(endpoint)

    assert least_s < found.held_s <= most_s
    assert len(receiver.heard) == (1 if most_s else 2)
    waits = await house.rows("SELECT extract(epoch FROM due_at - now())::float8 AS due_s FROM outbox WHERE tries = 1")
    assert all(max(least_s, 4) < row["due_s"] <= max(most_s, 6) for row in waits)


async def test_a_receiver_that_is_gone_gets_nothing_more(house: WebhookHouse, receiver: Receiver) -> None:
    async with answered(house, receiver, web.Response(status=410)) as endpoint:
        found, level = await house.endpoint(endpoint)
        assert (found.state, found.why, level.behind >= 2) == ("paused", "gone", True)
        assert await house.entries("endpoint_paused") == [{"endpoint": endpoint, "why": "gone"}]
        assert len(receiver.heard) == 1

        taking = Verifier(receiver, found.target.secret)
        assert await house.admin.resume(endpoint)
        await until(lambda: len(taking.bodies) == 2)
    assert await house.entries("endpoint_changed") == [{"changed": "resumed", "endpoint": endpoint}]


@pytest.mark.parametrize(("failing", "paused"), [("5 days", True), ("4 days 23 hours", False)])
async def test_an_endpoint_that_fails_for_five_days_is_paused_with_an_entry(
    house: WebhookHouse, receiver: Receiver, failing: str, paused: bool
) -> None:
    receiver.answer = with_status(500)
    endpoint, _ = await house.add(receiver.url, "login_failed")
    await house.rows(f"UPDATE endpoints SET failing_since = now() - interval '{failing}', failures = 9")
    await house.fail_logins(1)
    await house.follow.work()
    async with house.delivering(probes=SELDOM):
        await settled(house, 1)

    found, _ = await house.endpoint(endpoint)
    said = [{"endpoint": endpoint, "why": "failing"}]
    assert (found.state, await house.entries("endpoint_paused")) == (("paused", said) if paused else ("active", []))
    assert [tries for _, tries, _ in await waiting(house)] == [0]


async def test_an_endpoint_that_an_operator_pauses_misses_nothing(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, secret = await house.add(receiver.url, "login_failed")
    taking = Verifier(receiver, secret)
    async with house.serving():
        assert await house.admin.pause(endpoint)
        assert not await house.admin.pause(endpoint)
        await house.fail_logins(3)
        await asyncio.sleep(0.3)
        assert not receiver.heard
        assert await house.admin.resume(endpoint)
        assert not await house.admin.resume(endpoint)
        await until(lambda: len(taking.bodies) == 3)

    assert await house.entries("endpoint_paused") == [{"endpoint": endpoint, "why": "by_operator"}]


async def test_a_removed_endpoint_gets_nothing_more(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, _ = await house.add(receiver.url, "login_failed")
    await house.fail_logins(3)
    await house.follow.work()
    await house.admin.remove(endpoint)
    async with house.serving():
        await asyncio.sleep(0.3)

    assert not receiver.heard
    assert not await house.rows("SELECT FROM outbox")
    assert await house.entries("endpoint_removed") == [{"endpoint": endpoint}]
    for asked in (house.admin.show, house.admin.pause, house.admin.resume, house.admin.remove):
        with pytest.raises(EndpointRefused, match="there is no endpoint"):
            await asked(endpoint)


async def test_there_are_as_many_endpoints_as_may_be(house: WebhookHouse, receiver: Receiver) -> None:
    house.most = 2
    added = [house.add(receiver.url, "login_failed") for _ in range(5)]
    outcomes = await asyncio.gather(*added, return_exceptions=True)

    assert sum(isinstance(one, EndpointRefused) for one in outcomes) == 3
    assert len(await house.admin.all()) == 2


async def test_an_endpoint_begins_again_at_a_position_or_a_time(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, secret = await house.add(receiver.url, "login_failed", ordered=True)
    taking = Verifier(receiver, secret)
    async with house.serving():
        await house.fail_logins(2)
        house.clock.advance(60)
        await house.fail_logins(3)
        await until(lambda: len(taking.bodies) == 5)
        first = taking.positions[0]
        assert await house.admin.replay_from_position(endpoint, first + 1) == first + 1
        await until(lambda: len(taking.bodies) == 9)
        await house.admin.replay_from_time(endpoint, house.clock.now)
        await until(lambda: len(taking.bodies) == 12)
        newest = (await house.rows("SELECT max(position) AS newest FROM audit_links"))[0]["newest"]
        for position in (0, newest + 20):
            with pytest.raises(EndpointRefused, match="is not in the log"):
                await house.admin.replay_from_position(endpoint, position)

    ids = taking.ids
    assert ids[5:9] == ids[1:5]
    assert ids[9:] == ids[2:5]
    assert [one["after"] for one in await house.entries("deliveries_replayed")] == [first, taking.positions[1]]


async def test_of_two_that_lead_at_once_nothing_is_sent_twice(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, _ = await house.add(receiver.url, "login_failed")
    await house.fail_logins(1_200)

    await asyncio.gather(*(house.follow.work() for _ in range(4)))

    rows = await house.rows("SELECT position FROM outbox ORDER BY id")
    assert len(rows) == len({row["position"] for row in rows}) == 1_000
    found, level = await house.endpoint(endpoint)
    assert (rows[-1]["position"], level.behind) == (found.cursor, 1_200)


async def test_a_log_that_was_restored_sends_no_other_entry_by_an_old_name(
    house: WebhookHouse, receiver: Receiver
) -> None:
    await house.add(receiver.url, "login_failed")
    await house.fail_logins(1)
    await house.follow.work()
    (place,) = await house.rows("SELECT sealed FROM outbox")
    other = replace(Place.read(place["sealed"].decode()), hash=b"h" * 32)
    await house.rows("UPDATE outbox SET sealed = $1", other.written())
    async with house.delivering():
        await until(lambda: house.counted["failed"] == 1)
        async with asyncio.timeout(20):
            while not await house.entries("delivery_dead"):
                await asyncio.sleep(0.01)

    assert not receiver.heard
