"""Fresh means fresh: no old secret, other person or planted journey makes a session look newer than it is."""

import pytest

from gateway.core.base64url import b64
from gateway.core.session.tokens import credential_of, parse, tag_of
from gateway.flows.people.handoff import AskAgain, Go
from gateway.flows.people.issuing import SignedIn
from tests.attacks.conftest import AUTH_HOST, House, session_of
from tests.core.forward.setting import KEYS
from tests.deciding import HOST

LONG_AGO = 3600


async def opened(house: House, token_text: str, need: str = "", old: str = "") -> str:
    """The session of the host that this login gets."""
    live = await house.there.decisions.authenticate(token_text, AUTH_HOST)
    assert live is not None
    journey = house.journey(need, old)
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    session = session_of(await house.come_back(go.code, journey))
    assert session
    return session


async def fresh(house: House, session: str) -> int:
    """200: the route that wants a login of the last ten minutes lets this session in."""
    return (await house.ask("/fresh/x", f"__Host-bastion={session}")).status


async def age(house: House) -> None:
    """As if everybody had signed in an hour ago; Redis is asked anew."""
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE sessions SET authenticated_at = authenticated_at - $1", LONG_AGO)
        logins = await connection.fetch("SELECT id, user_id FROM logins")
    for row in logins:
        await house.revocations.stale_login(tag_of(KEYS.tag, row["user_id"]), b64(row["id"]))


async def test_a_journey_without_its_need_opens_no_fresh_session(house: House) -> None:
    """Begun at another page of the host, or the need cut off: the session is as old as the login."""
    await house.add("eve")
    login = await house.sign_in("eve")
    await age(house)

    session = await opened(house, login.text)

    assert (await house.ask("/x", f"__Host-bastion={session}")).status == 200
    assert await fresh(house, session) == 302


@pytest.mark.parametrize(
    "need", ["authenticated:600", "authenticated:0", "mfa", "authenticated:-1", "authenticated", "x"]
)
async def test_an_old_login_meets_no_need(house: House, need: str) -> None:
    await house.add("eve")
    login = await house.sign_in("eve")
    await age(house)
    live = await house.live(login)
    assert live is not None

    assert isinstance(await house.handoff.pass_on(live, house.journey(need), None, ""), AskAgain)


async def test_stepping_up_freshens_no_session_that_was_there_before(house: House) -> None:
    """Also not the one that somebody else holds: only the browser that gave the password gets a fresh one."""
    await house.add("eve")
    login = await house.sign_in("eve")
    await age(house)
    before = await opened(house, login.text)

    renewed = await house.sign_in("eve", await house.live(login))
    after = await opened(house, renewed.text, "authenticated:600")

    assert renewed.login == login.login
    assert await fresh(house, after) == 200
    assert await fresh(house, before) == 302


async def test_the_replaced_secret_of_the_auth_host_hands_over_no_fresh_session(house: House) -> None:
    """It passes for 20 s more, with what it was worth (threats.md R12)."""
    await house.add("eve")
    login = await house.sign_in("eve")
    await age(house)
    await house.sign_in("eve", await house.live(login))

    session = await opened(house, login.text)
    live = await house.live(login)

    assert await fresh(house, session) == 302
    assert live is not None
    assert isinstance(await house.handoff.pass_on(live, house.journey("authenticated:600"), None, ""), AskAgain)


async def test_a_replaced_secret_is_not_renewed_again_even_with_the_password(house: House) -> None:
    """The login that it belonged to ends, and with it whoever else had it."""
    await house.add("eve")
    login = await house.sign_in("eve")
    live = await house.live(login)
    renewed = await house.sign_in("eve", live)

    another = await house.sign_in("eve", live)

    assert another.login != login.login
    assert not await house.lives(login)
    assert not await house.lives(renewed)


async def test_another_persons_password_freshens_nobody(house: House) -> None:
    """Mallory signs in where eve is signed in: eve's login ends, and its sessions with it."""
    await house.add("eve")
    await house.add("mallory")
    login = await house.sign_in("eve")
    session = await opened(house, login.text)
    await age(house)

    outcome = await house.attempt("mallory", current=await house.live(login))

    assert isinstance(outcome, SignedIn)
    assert outcome.token.tag != login.tag
    assert not await house.lives(login)
    assert await fresh(house, session) == 302
    assert (await house.ask("/x", f"__Host-bastion={session}")).status == 302


async def test_a_step_up_replaces_only_a_session_of_its_own_login(house: House) -> None:
    await house.add("eve")
    mine, other = await house.sign_in("eve"), await house.sign_in("eve")
    theirs = parse(KEYS.mac, await opened(house, other.text))
    assert theirs is not None

    await opened(house, mine.text, old=b64(credential_of(HOST, theirs)))

    async with house.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM sessions WHERE replaced_at IS NOT NULL") == 0
