"""Passwords are compared in a bounded pool, and an unknown person costs what a wrong password costs."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from gateway.flows.passwords import Passwords, PasswordsBusy

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


async def test_the_usual_cost_is_twelve() -> None:
    made = Passwords({"p1": b"pepper"}, threads=1)

    assert "$2b$12$" in await made.hash(ADA, "secret")
    made.close()
