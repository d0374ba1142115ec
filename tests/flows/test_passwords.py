"""Passwords are compared in a bounded pool, and an unknown person costs what a wrong password costs."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from gateway.flows.people.passwords import Passwords, PasswordsBusy

ADA, EVE = UUID(int=1), UUID(int=2)
CHEAP = 4


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords({"p1": b"pepper"}, threads=1, cost=CHEAP)
    yield made
    made.close()


async def test_only_the_right_password_of_the_right_person_matches(passwords: Passwords) -> None:
    stored = await passwords.hash(ADA, "correct horse" * 20)

    assert await passwords.verify(ADA, "correct horse" * 20, stored)
    assert not await passwords.verify(ADA, "correct horse" * 20 + "x", stored)
    assert not await passwords.verify(EVE, "correct horse" * 20, stored)
    assert not await passwords.verify(None, "correct horse" * 20, stored)
    assert not await passwords.verify(ADA, "correct horse" * 20, None)
    assert not await passwords.verify(ADA, "x", "garbage")


async def test_an_old_pepper_still_matches_and_is_outdated_and_a_lost_one_does_not(passwords: Passwords) -> None:
    stored = await passwords.hash(ADA, "secret")
    both = Passwords({"p2": b"new", "p1": b"pepper"}, threads=1, cost=CHEAP)
    lost = Passwords({"p2": b"new"}, threads=1, cost=CHEAP)

    assert await both.verify(ADA, "secret", stored)
    assert both.is_outdated(stored)
    assert not await lost.verify(ADA, "secret", stored)
    both.close()
    lost.close()


async def test_more_than_the_queue_holds_is_turned_away(passwords: Passwords) -> None:
    stored = await passwords.hash(ADA, "secret")

    outcomes = await asyncio.gather(*(passwords.verify(ADA, "x", stored) for _ in range(40)), return_exceptions=True)

    assert sum(isinstance(one, PasswordsBusy) for one in outcomes) == 7
    assert outcomes.count(False) == 33


@asynccontextmanager
async def at_work(passwords: Passwords) -> AsyncIterator["asyncio.Task[bool]"]:
    """The only thread has no time until the block ends."""
    gate = threading.Event()
    running = asyncio.create_task(passwords._run("somebody", gate.wait))
    await asyncio.sleep(0)
    try:
        yield running
    finally:
        gate.set()


async def test_a_guesser_with_a_full_queue_keeps_nobody_out(passwords: Passwords) -> None:
    """Each waits for one turn of the guesser's at most, and takes the place of the guesser's newest."""
    stored, ended = await passwords.hash(ADA, "secret"), list[str]()

    async def attempt(caller: str, typed: str) -> bool:
        try:
            return await passwords.verify(ADA, typed, stored, caller)
        finally:
            ended.append(caller)

    async with at_work(passwords), asyncio.timeout(30):
        guesses = [asyncio.create_task(attempt("guesser", "x")) for _ in range(40)]
        await asyncio.sleep(0)
        others = [
            asyncio.create_task(attempt(caller, "secret")) for caller in ("new here", "known device", "neighbour")
        ]
        while len(ended) < 8 + 3:
            await asyncio.sleep(0)
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)

    assert [await one for one in others] == [True, True, True]
    assert sum(isinstance(one, PasswordsBusy) for one in outcomes) == 8 + 3
    assert ended[11:16] == ["guesser", "new here", "known device", "neighbour", "guesser"]


async def test_who_hangs_up_while_waiting_has_no_turn_and_no_place(passwords: Passwords) -> None:
    stored, compared = await passwords.hash(ADA, "secret"), 0

    async def attempt() -> None:
        nonlocal compared
        await passwords.verify(ADA, "secret", stored)
        compared += 1

    async with at_work(passwords):
        waiting = [asyncio.create_task(attempt()) for _ in range(32)]
        await asyncio.sleep(0)
        for one in waiting[2:]:
            one.cancel()
        await asyncio.sleep(0)
        more = [asyncio.create_task(attempt()) for _ in range(30)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting, *more, return_exceptions=True)

    assert compared == 2 + 30


async def test_who_hangs_up_at_work_keeps_the_thread_until_it_is_done(passwords: Passwords) -> None:
    stored = await passwords.hash(ADA, "secret")

    async with at_work(passwords) as running:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        waiting = [asyncio.create_task(passwords.verify(ADA, "secret", stored)) for _ in range(33)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert running.cancelled()
    assert sum(isinstance(one, PasswordsBusy) for one in outcomes) == 1, "32 wait for the thread that is still at work"
    assert outcomes.count(True) == 32


async def test_who_has_waited_for_32_turns_is_turned_away(passwords: Passwords) -> None:
    """Behind its own; and always somebody new comes besides."""
    stored = await passwords.hash(ADA, "secret")
    async with at_work(passwords):
        many = [asyncio.create_task(passwords.verify(ADA, "secret", stored, "many")) for _ in range(31)]
        await asyncio.sleep(0)

    others = [await passwords.verify(ADA, "secret", stored, f"new {number}") for number in range(16)]
    outcomes = await asyncio.gather(*many, return_exceptions=True)

    assert others == [True] * 16
    assert sum(isinstance(one, PasswordsBusy) for one in outcomes) > 0
    assert outcomes.count(True) >= 16


async def test_whoever_hangs_up_whenever_no_thread_and_no_place_is_lost(passwords: Passwords) -> None:
    stored, rng = await passwords.hash(ADA, "secret"), random.Random(7)
    for _ in range(20):
        waiting = [asyncio.create_task(passwords.verify(ADA, "secret", stored, "ab"[n % 2])) for n in range(33)]
        while not all(one.done() for one in waiting):
            await asyncio.sleep(0)
            unanswered = [one for one in waiting if not one.done()]
            if unanswered and rng.random() < 0.2:
                unanswered[0].cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*waiting, return_exceptions=True)

    assert await passwords.verify(ADA, "secret", stored), "what was left at work is done now"
    later = await asyncio.gather(*(passwords.verify(ADA, "secret", stored) for _ in range(33)))
    assert later == [True] * 33


async def test_a_turn_that_was_given_to_who_hangs_up_goes_to_the_next(passwords: Passwords) -> None:
    stored = await passwords.hash(ADA, "secret")

    async with at_work(passwords):
        hangs_up, next_one = (asyncio.create_task(passwords.verify(ADA, "secret", stored)) for _ in range(2))
        await asyncio.sleep(0)
        passwords._pass_on()  # a thread is free, and before the first can take it
        hangs_up.cancel()
        await asyncio.gather(hangs_up, return_exceptions=True)
        waiting = len(passwords._turns)

    assert waiting == 0
    assert await next_one


async def test_at_the_end_who_waits_is_turned_away() -> None:
    made = Passwords({"p1": b"pepper"}, threads=1, cost=CHEAP)
    stored = await made.hash(ADA, "secret")

    async with at_work(made) as running:
        waiting = [asyncio.create_task(made.verify(ADA, "secret", stored)) for _ in range(3)]
        await asyncio.sleep(0)
        made.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.gather(running, return_exceptions=True)

    assert [type(one) for one in outcomes] == [PasswordsBusy] * 3


async def test_the_usual_cost_is_twelve() -> None:
    made = Passwords({"p1": b"pepper"}, threads=1)

    assert "$2b$12$" in await made.hash(ADA, "secret")
    made.close()


async def test_who_comes_when_it_has_ended_is_turned_away_at_once() -> None:
    """As often as there are threads, and once more: a thread that was promised and is gone must not be waited for."""
    made = Passwords({"p1": b"pepper"}, threads=1, cost=CHEAP)
    stored = await made.hash(ADA, "secret")
    made.close()

    for _ in range(3):
        with pytest.raises(PasswordsBusy):
            await asyncio.wait_for(made.verify(ADA, "secret", stored), 5)


async def test_a_turn_that_came_just_before_the_end_is_turned_away(passwords: Passwords) -> None:
    stored = await passwords.hash(ADA, "secret")
    waiting = [asyncio.create_task(passwords.verify(ADA, "secret", stored)) for _ in range(8)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    passwords.close()
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)

    assert {type(one) for one in outcomes} == {bool, PasswordsBusy}
