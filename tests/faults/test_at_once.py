""" "At once" holds for a person as a whole, whatever goes on at that moment (threats.md R2)."""

import asyncio
import random

from gateway.core.errors import GatewayError
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.core.session.journey import Journey
from gateway.flows.people.handoff import Go
from tests.attacks.conftest import AUTH_HOST, House, session_of
from tests.core.forward.setting import headers_of
from tests.deciding import HOST

OPEN = compile_policy(
    {"open.yaml": f"apps: {{wiki: {{hosts: {HOST}, allow: authenticated, limits: none}}}}"}, Site(AUTH_HOST)
)
HANDOFFS = 50
DECISIONS = 10_000
ASKING = 20


async def test_no_child_of_fifty_hand_offs_passes_after_all_was_ended(house: House) -> None:
    """Each is handed off, claimed and used while the person ends everything, also a login that rests."""
    await house.add("eve")
    resting = await house.sign_in("eve")
    assert await house.lives(resting)
    live = await house.live(await house.sign_in("eve"))
    assert live is not None
    rng, tried, sessions, used_in_time = random.Random(7), list[Journey](), set[str](), list[bool]()

    async def hand_off() -> None:
        await asyncio.sleep(rng.random() * 2)
        journey = house.journey()
        tried.append(journey)
        try:
            go = await house.handoff.pass_on(live, journey, None, "")
        except GatewayError:
            return
        if not isinstance(go, Go):
            return
        session = session_of(await house.come_back(go.code, journey))
        if session:
            sessions.add(session)
            used_in_time.append((await house.ask("/x", f"__Host-bastion={session}")).status == 200)

    async def leave() -> None:
        while len(tried) < HANDOFFS // 2:
            await asyncio.sleep(0.001)
        await house.account.end_all(live, "")

    await asyncio.gather(leave(), *(hand_off() for _ in range(HANDOFFS)))
    after = [await house.ask("/x", f"__Host-bastion={session}") for session in sessions for _ in range(4)]

    assert any(used_in_time), "some were in time, or this is no race"
    assert len(sessions) < HANDOFFS
    assert {answer.status for answer in after} == {302}
    assert not await house.lives(resting)


async def test_no_decision_carries_a_group_after_it_was_taken_away(house: House) -> None:
    await house.add("eve", ("guests", "staff"))
    live = await house.live(await house.sign_in("eve"))
    assert live is not None
    journey = house.journey()
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    cookie = f"__Host-bastion={session_of(await house.come_back(go.code, journey))}"
    house.there.decisions.enforce(OPEN)
    gone = asyncio.Event()
    with_group, after = 0, list[int]()

    async def proxy() -> None:
        nonlocal with_group
        while len(after) < DECISIONS // 2:
            asked_after = gone.is_set()
            answer = await house.ask("/x", cookie)
            carried = "staff" in headers_of(answer).get("Remote-Groups", "")
            with_group += carried
            if asked_after:
                after.append(carried)

    async def operate() -> None:
        while with_group < DECISIONS // 2:
            await asyncio.sleep(0.001)
        await house.admin.set_groups("eve", ("guests",))
        gone.set()

    await asyncio.gather(operate(), *(proxy() for _ in range(ASKING)))

    assert sum(after) == 0
    assert headers_of(await house.ask("/x", cookie))["Remote-Groups"] == "guests"
