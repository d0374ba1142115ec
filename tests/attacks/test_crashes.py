"""A node dies at any moment of an act, and the person does it again: what was promised holds all the same."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import StoreUnavailable
from gateway.core.session.tokens import Token
from gateway.flows.act import Acts
from gateway.flows.people.handoff import Go
from gateway.flows.people.logout import Ending
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from tests.attacks.conftest import House, session_of

MOMENTS = range(0, 40, 2)


async def cut_off(act: Coroutine[Any, Any, object], turns: int) -> None:
    """The act, ended after so many turns of the event loop; what it has committed stays."""
    task = asyncio.create_task(act)
    for _ in range(turns):
        await asyncio.sleep(0)
        await asyncio.sleep(0.0005)
        if task.done():
            break
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def two_logins(house: House) -> tuple[Token, Token]:
    """Both known to Redis."""
    mine, other = await house.sign_in("eve"), await house.sign_in("eve")
    assert await house.lives(mine)
    assert await house.lives(other)
    return mine, other


@pytest.fixture
def acts_without_redis(house: House, tmp_path: Path) -> Acts:
    nobody = Revocations(FunctionCalls(Pipeline(f"unix://{tmp_path}/nobody.sock", 1), library()))
    return replace(house.acts, revocations=nobody)


async def test_ending_all_again_ends_what_redis_was_not_told(house: House, acts_without_redis: Acts) -> None:
    await house.add("eve")
    mine, other = await two_logins(house)
    live = await house.live(mine)
    assert live is not None
    with pytest.raises(StoreUnavailable):
        await replace(house.account, acts=acts_without_redis).end_all(live, "")
    assert await house.lives(other), "Postgres knows, Redis doesn't, and nobody was told that it is over"

    await house.account.end_all(live, "")

    assert not await house.lives(mine)
    assert not await house.lives(other)


async def test_ending_the_others_again_ends_what_redis_was_not_told(house: House, acts_without_redis: Acts) -> None:
    await house.add("eve")
    mine, other = await two_logins(house)
    live = await house.live(mine)
    assert live is not None
    with pytest.raises(StoreUnavailable):
        await replace(house.account, acts=acts_without_redis).end_others(live, "")

    await house.account.end_others(live, "")

    assert await house.lives(mine)
    assert not await house.lives(other)


@pytest.mark.parametrize("turns", MOMENTS)
async def test_ending_all_holds_after_a_crash_at_any_moment(house: House, turns: int) -> None:
    """As the browser does it: again with its cookie, as long as that one is still signed in."""
    await house.add("eve")
    mine, other = await two_logins(house)
    live = await house.live(mine)
    assert live is not None
    await cut_off(house.account.end_all(live, ""), turns)

    again = await house.live(mine)
    if again is not None:
        await house.account.end_all(again, "")

    assert not await house.lives(mine)
    assert not await house.lives(other)


@pytest.mark.parametrize("turns", MOMENTS)
async def test_a_logout_holds_after_a_crash_at_any_moment(house: House, turns: int) -> None:
    await house.add("eve")
    token, other = await two_logins(house)
    ending = Ending(token.tag, token.login, "")
    await cut_off(house.logout.end(ending), turns)

    assert await house.logout.end(ending)

    assert not await house.lives(token)
    assert await house.lives(other)


@pytest.mark.parametrize("turns", MOMENTS)
async def test_a_step_up_after_a_crash_at_any_moment_leaves_one_login(house: House, turns: int) -> None:
    """The browser has the old cookie and sends the form again."""
    await house.add("eve")
    old = await house.sign_in("eve")
    await cut_off(house.attempt("eve", current=await house.live(old)), turns)

    new = await house.sign_in("eve", await house.live(old))

    assert await house.lives(new)
    logins = (await house.admin.show("eve")).logins
    assert new.login_id in [login.id for login in logins]
    assert len(logins) <= 2, "one that a browser never heard of may be left, and is in its person's list"


@pytest.mark.parametrize("turns", MOMENTS)
async def test_a_hand_off_after_a_crash_at_any_moment_opens_one_session(house: House, turns: int) -> None:
    await house.add("eve")
    live = await house.live(await house.sign_in("eve"))
    assert live is not None
    journey = house.journey()
    await cut_off(house.handoff.pass_on(live, journey, None, ""), turns)

    go = await house.handoff.pass_on(live, journey, None, "")

    assert isinstance(go, Go)
    first, second = await house.come_back(go.code, journey), await house.come_back(go.code, journey)
    assert session_of(first)
    assert not session_of(second)
    assert (await house.ask("/x", f"__Host-bastion={session_of(first)}")).status == 200
