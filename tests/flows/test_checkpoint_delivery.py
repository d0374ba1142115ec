"""Checkpoints reach a webhook in their order, also one that was away, and a broken one is in nobody's way."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry
from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.flows.evidence.audit_log import Linker
from gateway.flows.evidence.checkpoint_delivery import MOST_WAITING, CheckpointDelivery
from gateway.flows.operate.delivery import Delivery
from gateway.flows.transaction import RecordUnavailable
from gateway.outbound.webhook import Webhook
from gateway.stores.files.checkpoints import FILE_NAME, SignedLine
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.outbox import Outbox
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of
from tests.conftest import Clock, Pool
from tests.receiver import Answer, Receiver, receiving, until, with_status

ADA = UUID(int=1)
BEARER = "b" * 40


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@dataclass
class Stage:
    """What a node does with checkpoints; with pauses that a test can wait for."""

    pool: Pool
    vault: Vault
    clock: Clock
    webhook: Webhook
    counted: Counter[str] = field(default_factory=Counter)
    most_waiting: int = MOST_WAITING

    def __post_init__(self) -> None:
        self.delivery = Delivery(
            self.pool,
            MessageKind.CHECKPOINT,
            self.webhook.post,
            lambda outcome: self.counted.update([outcome]),
            Pauses(first_s=0.01, longest_s=0.05),
            poll_s=0.02,
        )
        self.offering = CheckpointDelivery(
            acts_of(self.pool, self.clock, self.vault),
            lambda dropped: self.counted.update({"dropped": dropped} if dropped else {}),
            self.delivery.wake,
            self.most_waiting,
        )

    async def offer(self, number: int) -> None:
        await self.offering.offer(SignedLine(f"line {number}", "key", number))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.delivery.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def stage(pool: Pool, vault: Vault, clock: Clock, receiver: Receiver) -> Stage:
    return Stage(pool, vault, clock, Webhook(receiver.url, BEARER, 10))


async def test_what_is_offered_arrives_once_and_in_order(stage: Stage, receiver: Receiver) -> None:
    async with stage.running():
        for number in range(5):
            await stage.offer(number)
            await stage.offer(number)

        assert await receiver.has_taken(5) == [f"line {number}" for number in range(5)]
        await stage.offer(5)
        await until(lambda: stage.counted["delivered"] == 6)

    assert (len(receiver.heard), stage.counted) == (6, {"delivered": 6})


async def test_a_server_that_was_away_gets_what_it_missed_in_order(stage: Stage, receiver: Receiver) -> None:
    await receiver.stop()
    with capture_logs() as logs:
        async with stage.running():
            for number in range(3):
                await stage.offer(number)
            await until(lambda: stage.counted["failed"] >= 2)
            await receiver.start()
            taken = await receiver.has_taken(3)
            await until(lambda: stage.counted["delivered"] == 3)

    assert taken == ["line 0", "line 1", "line 2"]
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("the webhook does not take checkpoints of the audit log", "error"),
        ("the webhook takes checkpoints again", "info"),
    ], "said once each, however often it was tried"
    assert "s3cret" not in str(logs)
    assert BEARER not in str(logs)


@pytest.mark.parametrize("answer", [with_status(500), with_status(302, Location="/elsewhere"), with_status(401)])
async def test_what_was_answered_badly_is_sent_again_until_it_is_taken(
    stage: Stage, receiver: Receiver, answer: Answer
) -> None:
    receiver.answer = answer
    async with stage.running():
        await stage.offer(1)
        await receiver.has_heard(3)
        receiver.answer = with_status(200)
        await receiver.has_taken(1)
        await until(lambda: stage.counted["delivered"] == 1)

    assert {body for _, _, body in receiver.heard} == {"line 1"}
    assert stage.counted["failed"] >= 3


async def test_a_slow_server_is_left_and_asked_again(
    pool: Pool, vault: Vault, clock: Clock, receiver: Receiver
) -> None:
    stage = Stage(pool, vault, clock, Webhook(receiver.url, BEARER, 0.2))
    slow = asyncio.Event()

    async def never(_request: web.Request) -> web.StreamResponse:
        await slow.wait()
        return web.Response(status=503)

    receiver.answer = never
    async with stage.running():
        await stage.offer(1)
        await until(lambda: stage.counted["failed"] >= 2)
        receiver.answer = with_status(200)
        await receiver.has_taken(1)
    slow.set()


def test_pauses_double_from_a_second_to_a_minute() -> None:
    assert [Pauses().after(tries) for tries in (1, 2, 3, 6, 7, 8, 10**6)] == [1, 2, 4, 32, 60, 60, 60]


async def test_of_too_many_that_wait_the_newest_are_kept_and_the_rest_are_dead_letters(
    pool: Pool, vault: Vault, clock: Clock, receiver: Receiver
) -> None:
    """The audit log says so once, and an operator may still have them delivered."""
    stage = Stage(pool, vault, clock, Webhook(receiver.url, BEARER, 10), most_waiting=5)
    for number in range(8):
        await stage.offer(number)
    async with pool.acquire() as connection:
        dead = await Outbox(connection).list(MessageKind.CHECKPOINT, ("dead",), 9)
        entries = await connection.fetch("SELECT detail FROM audit_entries WHERE kind = 'delivery_dead'")

    async with stage.running():
        taken = [*await receiver.has_taken(5)]
        async with pool.acquire() as connection:
            assert await Outbox(connection).retry(dead[0].id)
        await receiver.has_taken(6)

    assert taken == [f"line {number}" for number in range(3, 8)]
    assert receiver.taken[5:] == ["line 2"]
    assert [message.position for message in dead] == [2, 1, 0]
    assert [json.loads(entry["detail"]) for entry in entries] == [
        {"message": "checkpoint", "destination": "audit.checkpoint_webhook/key"}
    ]
    assert stage.counted["dropped"] == 3


async def test_so_many_wait_as_may(pool: Pool, vault: Vault, clock: Clock, receiver: Receiver) -> None:
    stage = Stage(pool, vault, clock, Webhook(receiver.url, BEARER, 10), most_waiting=5)

    for number in range(5):
        await stage.offer(number)

    assert not stage.counted


@pytest.fixture
def append(pool: Pool, vault: Vault, clock: Clock) -> Callable[[], "asyncio.Future[None]"]:
    async def append() -> None:
        async with pool.acquire() as connection, connection.transaction():
            if await Users(connection, vault).find(ADA) is None:
                await Users(connection, vault).add(NewUser(ADA, "ada", "", "", (), "secret"), 100)
            await Audit(connection, vault).append(Entry(Kind.LOGIN, clock.now, str(ADA), ADA, {"login": "L"}, {}, "r"))

    return append  # type: ignore[return-value]  # a coroutine function, named so that tests read as they do elsewhere


async def test_a_broken_webhook_holds_nothing_up_and_every_checkpoint_comes_in_the_end(
    pool: Pool,
    vault: Vault,
    clock: Clock,
    tmp_path: Path,
    receiver: Receiver,
    append: Callable[[], "asyncio.Future[None]"],
) -> None:
    forever = asyncio.Event()

    async def never(_request: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response(status=503)

    receiver.answer = never
    file = tmp_path / "checkpoints" / FILE_NAME
    stage = Stage(pool, vault, clock, Webhook(receiver.url, BEARER, 0.5))
    async with stage.running():
        linker = Linker(pool, tmp_path / "data", file.parent, clock.seconds, stage.offering.offer)
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
    await Linker(pool, tmp_path / "data", file.parent, clock.seconds).work()
    sent: list[str] = []

    async def publish(line: SignedLine) -> None:
        sent.append(line.text)

    successor = Linker(pool, tmp_path / "data", file.parent, clock.seconds, publish)
    await successor.work()
    await successor.work()
    clock.advance(60)
    await append()
    await successor.work()

    assert "".join(sent) == file.read_text()
    assert len(sent) == 2


async def test_a_checkpoint_that_postgres_did_not_take_is_published_in_the_next_round(
    pool: Pool, clock: Clock, tmp_path: Path, append: Callable[[], "asyncio.Future[None]"]
) -> None:
    """It is in the file by then, and is not due again."""
    file = tmp_path / "checkpoints" / FILE_NAME
    sent: list[str] = []

    async def publish(line: SignedLine) -> None:
        sent.append(line.text)
        if len(sent) == 1:
            raise RecordUnavailable("Postgres does not answer")

    linker = Linker(pool, tmp_path / "data", file.parent, clock.seconds, publish)
    await append()
    with pytest.raises(RecordUnavailable):
        await linker.work()
    await linker.work()
    await linker.work()

    assert sent == [file.read_text()] * 2
