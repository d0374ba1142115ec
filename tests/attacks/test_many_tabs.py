"""Twenty tabs come back at once: each hand-off has the live copy read again, and none of them may starve another."""

import asyncio

from gateway.core.session.tokens import Token
from gateway.flows.people.handoff import Go
from tests.attacks.conftest import House, session_of
from tests.attacks.test_step_up import opened

TABS = 20


async def tab(house: House, login: Token) -> int:
    """What the browser gets at the host."""
    live = await house.live(login)
    assert live is not None
    journey = house.journey()
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    return (await house.come_back(go.code, journey)).status


async def visit(house: House, session: str, done: asyncio.Event) -> set[int]:
    """What a page that is open already gets meanwhile."""
    seen = set()
    while not done.is_set():
        seen.add((await house.ask("/x", f"__Host-bastion={session}")).status)
    return seen


async def test_twenty_tabs_at_once_are_all_answered(house: House) -> None:
    await house.add("eve")
    login = await house.sign_in("eve")

    assert await asyncio.gather(*(tab(house, login) for _ in range(TABS))) == [302] * TABS


async def test_open_pages_go_on_while_twenty_tabs_come_back(house: House) -> None:
    await house.add("eve")
    login = await house.sign_in("eve")
    other = await house.sign_in("eve")
    session, done = await opened(house, other.text), asyncio.Event()
    visiting = asyncio.create_task(visit(house, session, done))

    await asyncio.gather(*(tab(house, login) for _ in range(TABS)))
    done.set()

    assert await visiting == {200}


async def test_the_last_tab_has_a_session(house: House) -> None:
    await house.add("eve")
    login = await house.sign_in("eve")
    await asyncio.gather(*(tab(house, login) for _ in range(TABS)))

    live, journey = await house.live(login), house.journey()
    assert live is not None
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    answer = await house.come_back(go.code, journey)

    assert (await house.ask("/x", f"__Host-bastion={session_of(answer)}")).status == 200
