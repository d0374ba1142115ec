"""Checkpoints reach a webhook in their order, also one that was away, and a broken one is in nobody's way."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.core.audit.entries import Entry, Kind
from gateway.flows.audit_log import Linker
from gateway.flows.checkpoint_delivery import MOST_WAITING, CheckpointDelivery, pause_s
from gateway.stores.files.checkpoints import FILE_NAME
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from gateway.webhook import Webhook
from tests.conftest import Clock, Pool
from tests.receiver import Answer, Receiver, receiving, until, with_status

ADA = UUID(int=1)
BEARER = "b" * 40


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def delivering(
    receiver: Receiver, timeout_s: float = 10
) -> AsyncIterator[tuple[CheckpointDelivery, Counter[str]]]:
    """With pauses that a test can wait for, and its figures."""
    counted: Counter[str] = Counter()
    webhook = Webhook(receiver.url, BEARER, timeout_s)
    delivery = CheckpointDelivery(webhook.post, lambda outcome: counted.update([outcome]), first_pause_s=0.01)
    running = asyncio.create_task(delivery.run())
    yield delivery, counted
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_what_is_offered_arrives_once_and_in_order(receiver: Receiver) -> None:
    async with delivering(receiver) as (delivery, counted):
        for number in range(5):
            delivery.offer(f"line {number}")

        assert await receiver.has_taken(5) == [f"line {number}" for number in range(5)]
        delivery.offer("another")
        await receiver.has_taken(6)

    assert (len(receiver.heard), counted) == (6, {"delivered": 6})


async def test_a_server_that_was_away_gets_what_it_missed_in_order(receiver: Receiver) -> None:
    await receiver.stop()
    async with delivering(receiver) as (delivery, counted):
        with capture_logs() as logs:
            for number in range(3):
                delivery.offer(f"line {number}")
            await until(lambda: counted["failed"] >= 2)
            await receiver.start()
            taken = await receiver.has_taken(3)
            await until(lambda: counted["delivered"] == 3)

    assert taken == ["line 0", "line 1", "line 2"]
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("the webhook does not take checkpoints of the audit log", "error"),
        ("the webhook takes checkpoints again", "info"),
    ], "said once each, however often it was tried"
    assert "s3cret" not in str(logs)
    assert BEARER not in str(logs)


@pytest.mark.parametrize("answer", [with_status(500), with_status(302, Location="/elsewhere"), with_status(401)])
async def test_what_was_answered_badly_is_sent_again_until_it_is_taken(receiver: Receiver, answer: Answer) -> None:
    receiver.answer = answer
    async with delivering(receiver) as (delivery, counted):
        delivery.offer("line")
        await receiver.has_heard(3)
        receiver.answer = with_status(200)
        await receiver.has_taken(1)
        await until(lambda: counted["delivered"] == 1)

    assert {body for _, _, body in receiver.heard} == {"line"}
    assert counted["failed"] >= 3


async def test_a_slow_server_is_left_and_asked_again(receiver: Receiver) -> None:
    slow = asyncio.Event()

    async def never(_request: web.Request) -> web.StreamResponse:
        await slow.wait()
        return web.Response(status=503)

    receiver.answer = never
    async with delivering(receiver, timeout_s=0.2) as (delivery, counted):
        delivery.offer("line")
        await until(lambda: counted["failed"] >= 2)
        receiver.answer = with_status(200)
        await receiver.has_taken(1)
    slow.set()


def test_pauses_double_from_a_second_to_a_minute() -> None:
    assert [pause_s(failures) for failures in (1, 2, 3, 6, 7, 8, 10**6)] == [1, 2, 4, 32, 60, 60, 60]


async def test_of_too_many_that_wait_the_newest_are_kept_and_the_rest_is_counted(receiver: Receiver) -> None:
    await receiver.stop()
    async with delivering(receiver) as (delivery, counted):
        for number in range(MOST_WAITING + 3):
            delivery.offer(f"line {number}")
        await until(lambda: counted["failed"] >= 1)
        await receiver.start()
        taken = await receiver.has_taken(MOST_WAITING)
        await until(lambda: counted["delivered"] == MOST_WAITING)

    assert (taken[0], taken[-1]) == ("line 3", f"line {MOST_WAITING + 2}")
    assert counted["dropped"] == 3


@pytest.fixture
def append(pool: Pool, vault: Vault, clock: Clock) -> Callable[[], "asyncio.Future[None]"]:
    async def append() -> None:
        async with pool.acquire() as connection, connection.transaction():
            if await Users(connection, vault).find(ADA) is None:
                await Users(connection, vault).add(NewUser(ADA, "ada", "", "", (), "secret"), 100)
            await Audit(connection, vault).append(Entry(Kind.LOGIN, clock.now, str(ADA), ADA, {}, {}, "r"))

    return append  # type: ignore[return-value]  # a coroutine function, named so that tests read as they do elsewhere


async def test_a_broken_webhook_holds_nothing_up_and_every_checkpoint_comes_in_the_end(
    pool: Pool, clock: Clock, tmp_path: Path, receiver: Receiver, append: Callable[[], "asyncio.Future[None]"]
) -> None:
    forever = asyncio.Event()

    async def never(_request: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response(status=503)

    receiver.answer = never
    file = tmp_path / "checkpoints" / FILE_NAME
    async with delivering(receiver, timeout_s=0.5) as (delivery, _):
        linker = Linker(pool, tmp_path / "data", file.parent, clock, delivery.offer)
        for round_ in range(1, 4):
            await append()
            await linker.work()
            clock.advance(60)
            assert len(file.read_text().splitlines()) == round_, "written while the webhook hangs"
        receiver.answer = with_status(200)
        forever.set()
        await receiver.has_taken(3)

    assert "".join(receiver.taken) == file.read_text()


async def test_who_begins_to_lead_sends_the_newest_of_before_and_nothing_twice(
    pool: Pool, clock: Clock, tmp_path: Path, append: Callable[[], "asyncio.Future[None]"]
) -> None:
    """Whoever led until now may have died before it was delivered."""
    file = tmp_path / "checkpoints" / FILE_NAME
    await append()
    await Linker(pool, tmp_path / "data", file.parent, clock).work()
    sent: list[str] = []

    successor = Linker(pool, tmp_path / "data", file.parent, clock, sent.append)
    await successor.work()
    await successor.work()
    clock.advance(60)
    await append()
    await successor.work()

    assert "".join(sent) == file.read_text()
    assert len(sent) == 2
