"""Nobody who is busy signing in can hinder an operator who throws them out."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from gateway.core.session.tokens import Token
from gateway.flows.people.handoff import Go
from gateway.flows.transaction import RecordUnavailable
from tests.attacks.conftest import House

Act = Callable[[House, str], Coroutine[Any, Any, object]]
ACTS: dict[str, Act] = {
    "disable": lambda house, who: house.admin.disable(who),
    "password": lambda house, who: house.admin.set_password(who, "staple battery horse"),
    "groups": lambda house, who: house.admin.set_groups(who, ("guests",)),
}


async def keep_busy(house: House, token: Token, begun: asyncio.Event, ended: asyncio.Event) -> int:
    """Hand-offs one after the other, as many as the login lives for."""
    live = await house.live(token)
    assert live is not None
    count = 0
    while not ended.is_set():
        await asyncio.sleep(0)
        with suppress(RecordUnavailable):
            if not isinstance(await house.handoff.pass_on(live, house.journey(), None, ""), Go):
                break
            count += 1
            begun.set()
    return count


@pytest.mark.parametrize("act", ACTS)
async def test_an_operator_is_not_held_up_by_hand_offs(house: House, act: str) -> None:
    for number in range(8):
        who = f"eve{number}"
        await house.add(who)
        tokens = [await house.sign_in(who) for _ in range(3)]
        begun, ended = [asyncio.Event() for _ in tokens], asyncio.Event()
        busy = [
            asyncio.create_task(keep_busy(house, token, one, ended)) for token, one in zip(tokens, begun, strict=True)
        ]
        await asyncio.gather(*(one.wait() for one in begun))

        async with asyncio.timeout(0.9):  # Postgres looks for deadlocks after a second
            await ACTS[act](house, who)

        ended.set()
        assert sum(await asyncio.gather(*busy)) > 0
