"""A message is delivered at least once, in its order, and never before the transaction that wrote it is committed."""

import asyncio
import contextlib
import math
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.core.outbox.kinds import MessageKind
from gateway.flows.operate.delivery import Delivery, OutboxKeeper
from gateway.flows.operate.lookout import Lookout
from gateway.metrics import Metrics
from gateway.outbound.undelivered import Undelivered
from gateway.outbound.webhook import Webhook
from gateway.stores.postgres.outbox import Outbox
from tests.conftest import Pool
from tests.exhaustive import EXHAUSTIVE
from tests.flows.deliverer import DESTINATION
from tests.receiver import receiving, until

ROOT = Path(__file__).resolve().parents[2]
KILLS = 60 if EXHAUSTIVE else 12


async def add(pool: Pool, *positions: int, destination: str = DESTINATION) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for position in positions:
            await Outbox(connection).add(MessageKind.CHECKPOINT, destination, position, f"{position}".encode())


async def claimed(pool: Pool, lease_s: float = 60) -> int | None:
    """The position's own text."""
    async with pool.acquire() as connection:
        found = await Outbox(connection).claim(MessageKind.CHECKPOINT, lease_s)
    return None if found is None else int(found.sealed)


async def test_of_six_that_take_what_is_due_each_message_has_one(pool: Pool) -> None:
    for number in range(200):
        await add(pool, 1, destination=f"place {number}")
    taken = Counter[int]()

    async def take() -> None:
        while True:
            async with pool.acquire() as connection:
                found = await Outbox(connection).claim(MessageKind.CHECKPOINT, 60)
            if found is None:
                return
            taken[found.id] += 1

    await asyncio.gather(*(take() for _ in range(6)))

    assert len(taken) >= 195, "who finds all of what is due in the hands of others may go"
    assert set(taken.values()) == {1}


async def test_the_next_message_waits_until_the_one_before_has_arrived(pool: Pool) -> None:
    await add(pool, 1, 2)
    async with pool.acquire() as connection:
        outbox = Outbox(connection)
        first = await outbox.claim(MessageKind.CHECKPOINT, 60)
        assert first is not None
        beside = await claimed(pool)
        assert await outbox.put_off(first, 60, "no answer")
        put_off = await claimed(pool)
        assert await outbox.retry(first.id)
        again = await outbox.claim(MessageKind.CHECKPOINT, 60)
        assert again is not None
        assert await outbox.finish(again)

    assert (beside, put_off, await claimed(pool)) == (None, None, 2)


async def test_a_lease_that_is_over_is_somebody_elses_and_settles_nothing(pool: Pool) -> None:
    await add(pool, 1)
    async with pool.acquire() as connection:
        outbox = Outbox(connection)
        late = await outbox.claim(MessageKind.CHECKPOINT, 0.01)
        await asyncio.sleep(0.05)
        other = await outbox.claim(MessageKind.CHECKPOINT, 60)
        assert late is not None
        assert other is not None
        settled = [await outbox.finish(late), await outbox.put_off(late, 60, "late")]

        assert (late.id, settled) == (other.id, [False, False])
        assert await outbox.finish(other)


async def test_nothing_is_sent_of_an_act_that_is_not_committed(pool: Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await Outbox(connection).add(MessageKind.CHECKPOINT, DESTINATION, 1, b"1")

        assert await claimed(pool) is None
        await transaction.rollback()
    assert await claimed(pool) is None


async def test_what_is_on_its_way_or_has_arrived_is_not_sent_again_by_hand(pool: Pool) -> None:
    await add(pool, 1)
    async with pool.acquire() as connection:
        outbox = Outbox(connection)
        sent = await outbox.claim(MessageKind.CHECKPOINT, 60)
        assert sent is not None
        on_its_way = await outbox.retry(sent.id)
        await outbox.finish(sent)

        assert (on_its_way, await outbox.retry(sent.id), await outbox.retry(sent.id + 1)) == (False, False, False)
        assert await outbox.state_of(sent.id) == "done"
        assert await outbox.state_of(sent.id + 1) is None


async def test_whoever_is_killed_between_two_steps_loses_nothing_and_sends_nothing_too_early(
    pool: Pool, database_url: str
) -> None:
    """Each process writes and delivers until kill -9. What it had leased is sent once more by the next."""
    rng, too_early = random.Random(5), []

    async def take(request: web.Request) -> web.StreamResponse:
        async with pool.acquire() as connection:
            known = await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE position = $1", int(await request.text())
            )
        if not known:
            too_early.append(await request.text())
        return web.Response(status=204)

    async with receiving() as receiver:
        receiver.answer = take
        for _ in range(KILLS):
            heard = len(receiver.taken)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.flows.deliverer", database_url, receiver.url, cwd=ROOT
            )
            await until(lambda heard=heard: len(receiver.taken) > heard + 2)  # type: ignore[misc]  # mypy infers no lambda with a default
            await asyncio.sleep(rng.uniform(0, 0.05))
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        async with pool.acquire() as connection:
            written = await connection.fetchval("SELECT max(position) FROM outbox")
        rest = Delivery(
            pool, MessageKind.CHECKPOINT, Webhook(receiver.url, "", 5).post, lambda _outcome: None, poll_s=0.01
        )
        delivering = asyncio.create_task(rest.run())
        await until(lambda: f"{written}" in receiver.taken)
        delivering.cancel()

    arrived = [int(body) for body in receiver.taken]
    assert not too_early
    assert set(arrived) == set(range(1, written + 1))
    assert list(dict.fromkeys(arrived)) == sorted(set(arrived)), "in order, whatever came twice"
    assert len(arrived) - written <= KILLS, "at most what was on its way at a kill comes twice"


async def test_the_levels_are_those_of_the_table(pool: Pool) -> None:
    metrics = Metrics(1)
    keeper = OutboxKeeper(pool, metrics.slot(0))
    await add(pool, 1, 2, 3)
    async with pool.acquire() as connection:
        await Outbox(connection).bury_oldest(DESTINATION, 2, "superseded")
        await connection.execute("UPDATE outbox SET made_at = now() - interval '90 s' WHERE position = 2")
    await keeper.look()
    before = [
        metrics.total("bastion_outbox", "checkpoint waiting"),
        metrics.total("bastion_outbox", "checkpoint dead"),
        metrics.total("bastion_outbox_oldest_seconds", "checkpoint"),
    ]
    async with pool.acquire() as connection:
        await connection.execute("DELETE FROM outbox")
    await keeper.look()

    assert before[:2] == [2, 1]
    assert 90 <= before[2] < 120
    assert metrics.total("bastion_outbox", "checkpoint waiting") == 0
    assert metrics.total("bastion_outbox", "checkpoint dead") == 0
    assert metrics.total("bastion_outbox_oldest_seconds", "checkpoint") == 0


async def test_a_worker_that_ends_gives_back_what_it_was_sending(pool: Pool) -> None:
    sending = asyncio.Event()

    async def hang(_body: str) -> None:
        sending.set()
        await asyncio.Event().wait()

    await add(pool, 1)
    task = asyncio.create_task(Delivery(pool, MessageKind.CHECKPOINT, hang, lambda _outcome: None).run())
    await asyncio.wait_for(sending.wait(), 20)
    assert await claimed(pool) is None
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert await claimed(pool) == 1


async def test_a_message_that_can_not_even_be_sent_ends_no_worker_and_stays(pool: Pool) -> None:
    counted = Counter[str]()
    async with pool.acquire() as connection:
        await Outbox(connection).add(MessageKind.CHECKPOINT, "broken", 1, b"\xff")

    async def send(body: str) -> None:
        assert body == "2", "the broken one never gets here"

    await add(pool, 2)
    delivery = Delivery(pool, MessageKind.CHECKPOINT, send, lambda outcome: counted.update([outcome]), poll_s=0.01)
    task = asyncio.create_task(delivery.run())
    await until(lambda: counted.total() == 2)
    async with pool.acquire() as connection:
        async with asyncio.timeout(20):  # a message is counted before its row is finished
            while len(await Outbox(connection).list(MessageKind.CHECKPOINT, ("waiting",), 9)) > 1:
                await asyncio.sleep(0.01)
        assert not task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        (left,) = await Outbox(connection).list(MessageKind.CHECKPOINT, ("waiting",), 9)

    assert counted == {"failed": 1, "delivered": 1}
    assert (left.destination, left.status) == ("broken", "a bug in Bastion: UnicodeDecodeError")


async def test_a_worker_ends_also_where_postgres_is_gone_meanwhile(pool: Pool) -> None:
    """What it was sending can't be given back then; the end of its lease does that."""
    sending = asyncio.Event()

    async def hang(_body: str) -> None:
        sending.set()
        await asyncio.Event().wait()

    await add(pool, 1)
    delivery = Delivery(pool, MessageKind.CHECKPOINT, hang, lambda _outcome: None)
    task = asyncio.create_task(delivery.run())
    await asyncio.wait_for(sending.wait(), 20)
    delivery.pool = await asyncpg.create_pool(host="/nonexistent", min_size=0, max_size=1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)


async def test_a_line_that_contradicts_one_that_was_sent_is_sent_too(pool: Pool) -> None:
    """Of one key and one position, as after a log was written anew: just this pair is the evidence."""
    await add(pool, 1)
    assert await claimed(pool) == 1
    async with pool.acquire() as connection:
        await connection.execute("UPDATE outbox SET state = 'done', sealed = ''")
        outbox = Outbox(connection)
        again = await outbox.add(MessageKind.CHECKPOINT, DESTINATION, 1, b"1")
        other = await outbox.add(MessageKind.CHECKPOINT, DESTINATION, 1, b"2")

    assert (again, other) == (False, True)
    assert await claimed(pool) == 2


async def test_a_statement_that_postgres_refuses_ends_no_delivery(pool: Pool) -> None:
    sent: list[str] = []

    async def send(body: str) -> None:
        sent.append(body)

    await add(pool, 1)
    delivery = Delivery(pool, MessageKind.CHECKPOINT, send, lambda _outcome: None, lease_s=math.nan, poll_s=0.01)
    with capture_logs() as logs:
        task = asyncio.create_task(delivery.run())
        await until(lambda: bool(logs))
        await asyncio.sleep(0.1)
        assert not task.done()
        delivery.lease_s = 60
        await until(lambda: sent == ["1"])
    task.cancel()

    assert [line["event"] for line in logs] == ["the outbox can't be read"], "once a minute"


async def test_postgres_away_ends_no_delivery(pool: Pool, database_url: str) -> None:
    del database_url
    sent: list[str] = []

    async def send(body: str) -> None:
        sent.append(body)
        if len(sent) == 1:
            async with pool.acquire() as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            raise Undelivered("no answer")

    await add(pool, 1)
    delivery = Delivery(pool, MessageKind.CHECKPOINT, send, lambda _outcome: None, lease_s=0.2, poll_s=0.01)
    task = asyncio.create_task(delivery.run())
    await until(lambda: len(sent) >= 2)
    assert not task.done()
    task.cancel()


async def test_what_another_worker_wrote_or_put_off_is_found_by_one_look_of_all_deliveries(pool: Pool) -> None:
    sent, looked = list[str](), Counter[MessageKind]()

    class Counting(Delivery):
        def wake(self) -> None:
            looked[self.kind] += 1
            super().wake()

    async def send(body: str) -> None:
        sent.append(body)

    seldom = math.inf
    deliveries = [
        Counting(pool, kind, send, lambda _outcome: None, poll_s=seldom)
        for kind in (MessageKind.CHECKPOINT, MessageKind.LOGOUT)
    ]
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(delivery.run()) for delivery in deliveries]
        await asyncio.sleep(0.2)  # they have looked, and found nothing
        running.append(group.create_task(Lookout(pool, deliveries, every_s=0.02).run()))
        await add(pool, 1)
        await until(lambda: sent == ["1"])
        await pool.execute("UPDATE outbox SET state = 'waiting', due_at = now() + interval '0.3 s', sealed = '2'")
        await until(lambda: sent == ["1", "2"])
        for task in running:
            task.cancel()

    assert looked[MessageKind.CHECKPOINT] >= 2
    assert looked[MessageKind.LOGOUT] == 0, "nothing is due there"
