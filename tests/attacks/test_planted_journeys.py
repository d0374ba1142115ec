"""An attacker plants a journey that his own browser began, so that the code that comes of it fits his browser."""

import asyncio

import pytest

from gateway.core.forward.login_start import Way
from gateway.core.session.journey import Journey
from gateway.core.session.tokens import Token
from gateway.flows.people.handoff import Go
from tests.attacks.conftest import AUTH_HOST, WAY, House, session_of

ATTACKERS = Way("a" * 43, 1, 0)


async def lured(house: House) -> tuple[Token, Journey]:
    """The victim's browser follows the attacker's link to the auth host, and is sent on with a code."""
    await house.add("eve")
    live = await house.live(await house.sign_in("eve"))
    assert live is not None
    journey = house.journey(way=ATTACKERS)
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    return go.code, journey


async def test_the_attackers_browser_could_use_the_code_if_nobody_else_had(house: House) -> None:
    """What the next tests forbid works, so they test something."""
    code, journey = await lured(house)

    assert session_of(await house.come_back(code, journey, ATTACKERS))


@pytest.mark.parametrize("way", [WAY, None])
async def test_a_code_that_came_to_the_victims_browser_is_used_up(house: House, way: Way | None) -> None:
    """Whoever reads it there, in a log or in the address of a page, is too late."""
    code, journey = await lured(house)
    at_the_victims = await house.come_back(code, journey, way)

    stolen = await house.come_back(code, journey, ATTACKERS)

    assert not session_of(at_the_victims)
    assert not session_of(stolen)


async def test_an_honest_browser_is_not_hurt_by_what_others_try(house: House) -> None:
    """Another code of the same login, claimed wrongly meanwhile, changes nothing."""
    code, journey = await lured(house)
    live = await house.live(await house.sign_in("eve"))
    assert live is not None
    own = house.journey()
    go = await house.handoff.pass_on(live, own, None, "")
    assert isinstance(go, Go)

    _, mine = await asyncio.gather(house.come_back(code, journey, WAY), house.come_back(go.code, own))

    assert session_of(mine)


async def test_a_code_is_no_session_anywhere(house: House) -> None:
    code, _ = await lured(house)

    answer = await house.ask("/x", f"__Host-bastion={code.text}")

    assert answer.status == 302
    assert await house.there.decisions.authenticate(code.text, AUTH_HOST) is None


async def test_a_session_is_no_code(house: House) -> None:
    code, journey = await lured(house)
    session = session_of(await house.come_back(code, journey, ATTACKERS))
    token = Token(session, code.tag, code.login, "")

    assert not session_of(await house.come_back(token, journey, ATTACKERS))
