"""Nothing is lost, whoever is away and for however long, and whoever is killed."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from gateway.core.audit.access_events import CookieDoubled
from gateway.core.audit.catalogue import LoginFailed
from tests.exhaustive import EXHAUSTIVE
from tests.receiver import Receiver, until
from tests.webhooks.house import Verifier, WebhookHouse

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 10_002 if EXHAUSTIVE else 3_000
FAILED = LoginFailed(None, "mark", "", "")
DOUBLED = CookieDoubled(None, "app.example.com", "__Host-bst", 1)
KILLS = 100 if EXHAUSTIVE else 3


async def newest(house: WebhookHouse) -> int:
    (row,) = await house.rows("SELECT coalesce(max(position), 0) AS newest FROM audit_links")
    return int(row["newest"])


@pytest.mark.timeout(900)
async def test_receivers_that_were_away_get_all_of_it_and_no_more_than_a_thousand_messages_wait(
    house: WebhookHouse, receiver: Receiver, other_receiver: Receiver
) -> None:
    """It takes as long as thousands of messages take, one after the other. Every third is for the other one, too."""
    ordered, free = Verifier(receiver), Verifier(other_receiver)
    _, ordered.secret = await house.add(receiver.url, "login_failed,cookie_doubled", ordered=True)
    _, free.secret = await house.add(other_receiver.url, "cookie_doubled")
    await house.link()
    before, most = await newest(house), 0
    await receiver.stop()
    await other_receiver.stop()

    async with house.serving():
        async with house.acts.begin() as act:
            for number in range(EVENTS):
                act.record(DOUBLED if number % 3 == 0 else FAILED)
        await until(lambda: house.counted["failed"] >= 12)
        await receiver.start()
        await other_receiver.start()
        while len(ordered.bodies) < EVENTS or len(free.bodies) < EVENTS // 3:
            found = await house.rows(
                "SELECT count(*) AS waiting FROM outbox WHERE state = 'waiting' GROUP BY destination"
            )
            most = max([most, *(row["waiting"] for row in found)])
            await asyncio.sleep(0.05)

    positions = list(range(before + 1, before + 1 + EVENTS))
    assert ordered.positions == positions
    assert sorted(free.positions) == positions[::3]
    assert len({*ordered.ids}) == EVENTS
    assert {*ordered.ids} > {*free.ids}
    assert most == 1_000


async def test_whoever_is_killed_loses_nothing(house: WebhookHouse, receiver: Receiver, database_url: str) -> None:
    """Each process writes, links, follows and delivers until kill -9. What it had leased is sent again by the next."""
    rng = random.Random(5)
    _, secret = await house.add(receiver.url, "login_failed", ordered=True)
    await house.link()
    before = await newest(house)
    taking = Verifier(receiver, secret)
    for _ in range(KILLS):
        heard = len(taking.bodies)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.webhooks.deliverer", database_url, cwd=ROOT
        )
        await until(lambda heard=heard: len(taking.bodies) > heard + 2)  # type: ignore[misc]  # mypy infers no lambda with a default
        await asyncio.sleep(rng.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    await house.link()
    written = await newest(house)
    async with house.serving():
        await until(lambda: written in taking.positions)

    positions = taking.positions
    assert {*positions} == {*range(before + 1, written + 1)}
    assert list(dict.fromkeys(positions)) == sorted({*positions}), "in order, whatever came twice"
    assert len(positions) - len({*positions}) <= KILLS, "at most what was on its way at a kill comes twice"
    assert len({*taking.ids}) == len({*positions}), "what comes twice has one id"
