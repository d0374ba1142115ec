"""People stay who they are, and are out when they are out, while the slots of their sessions move (threats.md R9)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.core.session.tokens import Token
from gateway.flows.decide.refill import FillOutcome
from gateway.flows.people.handoff import Go
from gateway.flows.people.logout import Ending
from gateway.stores.redis.slots import slot_of
from gateway.stores.redis.wire import login_key, person_key
from tests.attacks.conftest import House, session_of
from tests.cluster.servers import Move, Servers, move_at_once

NAMES = ("ada", "eve", "joe", "zoe")


@dataclass
class Visitor:
    """A person in a browser. token: of the auth host. session: of the protected one."""

    name: str
    token: Token
    session: str
    seen: list[tuple[float, int, str]] = field(default_factory=list)

    @property
    def slot(self) -> int:
        return slot_of(self.token.tag)

    async def ask(self, house: House) -> int:
        """The status. Who was let in is remembered with it."""
        answer = await house.ask("/x", f"__Host-bastion={self.session}")
        who = dict(answer.headers).get("Remote-User", "")
        self.seen.append((asyncio.get_running_loop().time(), answer.status, who))
        return answer.status

    def statuses(self, since: float = 0) -> set[int]:
        return {status for at, status, _ in self.seen if at >= since}

    def names(self) -> set[str]:
        return {who for _, status, who in self.seen if status == 200}


async def visit(house: House, name: str) -> Visitor:
    await house.add(name)
    token = await house.sign_in(name)
    live = await house.live(token)
    assert live is not None
    journey = house.journey()
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    return Visitor(name, token, session_of(await house.come_back(go.code, journey)))


@asynccontextmanager
async def asking_all_along(house: House, visitors: list[Visitor]) -> AsyncIterator[None]:
    over = False

    async def go_on(visitor: Visitor) -> None:
        while not over:
            await visitor.ask(house)
            await asyncio.sleep(0.01)

    asked = [asyncio.create_task(go_on(visitor)) for visitor in visitors]
    await asyncio.sleep(0.1)
    yield
    over = True
    await asyncio.gather(*asked)


async def apart(act: Callable[[], None]) -> None:
    """In a thread, so that decisions go on meanwhile."""
    await asyncio.to_thread(act)


async def test_nobody_is_refused_or_another_while_a_slot_moves_key_by_key(house: House, servers: Servers) -> None:
    visitors = [await visit(house, name) for name in NAMES]
    mover, others = visitors[0], visitors[1:]
    source = servers.owner(mover.slot)
    move = Move(servers, mover.slot, source, servers.other(source))
    person, login = person_key(mover.token.tag), login_key(mover.token.tag, mover.token.login)

    async with asking_all_along(house, visitors):
        began = asyncio.get_running_loop().time()
        await apart(move.begin)
        await asyncio.sleep(0.1)
        for key in (person, login):
            await apart(lambda key=key: move.carry([key]))  # type: ignore[misc]  # a lambda's default has no type
            await asyncio.sleep(0.4)
        await apart(move.finish)
        ended = asyncio.get_running_loop().time()
        await asyncio.sleep(1)
    back = Move(servers, mover.slot, move.target, source)
    back.begin()
    back.finish()

    assert {at for at, status, _ in mover.seen if status == 503 and not began <= at <= ended + 0.5} == set()
    assert mover.statuses() == {200, 503}
    assert mover.statuses(ended + 0.5) == {200}
    assert [one.statuses() for one in others] == [{200}] * 3
    assert [one.names() for one in visitors] == [{name} for name in NAMES]


async def test_nobody_is_refused_or_another_while_slots_move_at_once(house: House, servers: Servers) -> None:
    """The way that the guide names: in the meantime everybody is answered."""
    visitors = [await visit(house, name) for name in NAMES]
    source = servers.owner(visitors[0].slot)
    target = servers.other(source)
    slots = [(slot, slot) for slot in sorted({one.slot for one in visitors}) if servers.owner(slot) is source]

    async with asking_all_along(house, visitors):
        await apart(lambda: move_at_once(servers, slots, source, target))
        await asyncio.sleep(1)
        await apart(lambda: move_at_once(servers, slots, target, source))
        await asyncio.sleep(1)

    assert [one.statuses() for one in visitors] == [{200}] * 4
    assert [one.names() for one in visitors] == [{name} for name in NAMES]
    assert set(house.there.fills) <= {FillOutcome.FILLED, FillOutcome.REFUSED}


async def out(house: House, visitor: Visitor) -> bool:
    """Neither host lets them in. Unknown is out, too."""
    statuses = await asyncio.gather(*(visitor.ask(house) for _ in range(20)))
    return 200 not in statuses


MOMENTS = {"nothing": 0, "the person": 1, "the login": 2, "person and login": 3, "all": 4}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_logout_in_the_middle_of_a_move_holds_at_once_and_for_good(
    house: House, servers: Servers, moment: str
) -> None:
    """moment: what has moved when the person signs out."""
    visitor = await visit(house, "ada")
    assert await visitor.ask(house) == 200
    source = servers.owner(visitor.slot)
    move = Move(servers, visitor.slot, source, servers.other(source))
    move.begin()
    keys = {"the person": person_key(visitor.token.tag), "the login": login_key(visitor.token.tag, visitor.token.login)}
    move.carry(key for name, key in keys.items() if MOMENTS[moment] & (1 if name == "the person" else 2))
    if moment == "all":
        move.carry(move.keys())

    assert await house.logout.end(Ending(visitor.token.tag, visitor.token.login, ""))
    torn = await out(house, visitor)
    move.finish()
    there = await out(house, visitor)
    back = Move(servers, visitor.slot, move.target, source)
    back.begin()
    half_back = await out(house, visitor)
    back.finish()
    home = await out(house, visitor)

    assert (torn, there, half_back, home) == (True, True, True, True)
    assert visitor.seen[-1][1] == 302


async def test_groups_that_change_in_the_middle_of_a_move_hold_at_once(house: House, servers: Servers) -> None:
    visitor = await visit(house, "ada")
    assert await visitor.ask(house) == 200
    source = servers.owner(visitor.slot)
    move = Move(servers, visitor.slot, source, servers.other(source))
    move.begin()
    move.carry([login_key(visitor.token.tag, visitor.token.login)])

    await house.admin.set_groups("ada", ("guests",))
    torn = await visitor.ask(house)
    move.finish()
    whole = await visitor.ask(house)
    back = Move(servers, visitor.slot, move.target, source)
    back.begin()
    back.finish()
    home = await visitor.ask(house)

    assert (torn, whole, home) == (503, 403, 403)
