"""What outlasts the login that made it is told with a link that ends exactly that (login-defence.md X3)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from gateway.core.base64url import b64
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import ABOUT
from gateway.flows.mail.notices import NoticeFacts
from gateway.flows.people.api_keys import KeyMaker, WantedKey
from gateway.flows.people.login import Wrong
from gateway.flows.privacy.requests import OwnErasure
from gateway.stores.postgres.grants import NewGrant
from tests.attacks.phones import VISIT, alive, confirmed
from tests.conftest import Pool
from tests.core.forward.keys import FILES, POLICY
from tests.core.forward.setting import KEYS
from tests.web.recovery_house import Recovering, recovering_at

WANTED: Final = WantedKey("backup", ("profile",), (FILES,))
LIVING: Final = {
    MailKind.API_KEY_MADE: "SELECT count(*) FROM api_keys WHERE ended_at IS NULL",
    MailKind.APP_ADMITTED: "SELECT count(*) FROM grants WHERE ended_at IS NULL",
    MailKind.ERASURE_ASKED: "SELECT count(*) FROM erasure_requests",
}
ENTRIES: Final = {
    MailKind.API_KEY_MADE: "api_key_revoked",
    MailKind.APP_ADMITTED: "grant_ended",
    MailKind.ERASURE_ASKED: "erasure_withdrawn",
}


@pytest.fixture
async def recovering(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        yield recovering


async def key(recovering: Recovering, name: str) -> None:
    async with recovering.house.acts.begin() as act:
        maker = KeyMaker(KEYS, lambda: POLICY, recovering.house.there.random, recovering.notices)
        await maker.make(act, await act.users.named(name), WANTED, "made_by_person")


async def app(recovering: Recovering, name: str) -> None:
    """As an exchange does that makes a grant which outlives its login."""
    house = recovering.house
    login, now, id_ = await house.sign_in(name), house.there.now, house.there.random(16)
    async with house.acts.begin() as act:
        user = await act.users.named(name)
        await act.grants.add(
            NewGrant(
                id_,
                "wiki",
                user.id,
                login.login_id,
                ("openid",),
                "",
                now,
                0,
                (),
                "",
                b"h" * 32,
                now,
                now + 900,
                900,
                "offline",
            )
        )
        await recovering.notices.add(act, user, MailKind.APP_ADMITTED, NoticeFacts(link={ABOUT: b64(id_)}))


async def erasure(recovering: Recovering, name: str) -> None:
    live = await alive(recovering.house, await recovering.house.sign_in(name))
    await confirmed(recovering.house, live)
    await OwnErasure(recovering.house.acts, "request", 86_400, recovering.notices).ask(live, VISIT)


MAKES: Final[Mapping[MailKind, Callable[[Recovering, str], Awaitable[None]]]] = {
    MailKind.API_KEY_MADE: key,
    MailKind.APP_ADMITTED: app,
    MailKind.ERASURE_ASKED: erasure,
}


async def living(recovering: Recovering, kind: MailKind, name: str) -> int:
    """How many of ada's or bob's there are."""
    everybody = " AND " if "WHERE" in LIVING[kind] else " WHERE "
    user_id = (await recovering.house.admin.show(name)).user.id
    return int(await recovering.house.pool.fetchval(f"{LIVING[kind]}{everybody}user_id = $1", user_id))


async def linked(recovering: Recovering, kind: MailKind, name: str = "ada") -> str:
    await MAKES[kind](recovering, name)
    return await recovering.link(kind)


@pytest.mark.parametrize("kind", MAKES)
async def test_the_link_ends_that_thing_once_and_nothing_else(recovering: Recovering, kind: MailKind) -> None:
    login = await recovering.house.sign_in("ada")
    link, of_bob = await linked(recovering, kind), await linked(recovering, kind, "bob")
    if kind is not MailKind.ERASURE_ASKED:
        await MAKES[kind](recovering, "ada")
    had = await living(recovering, kind, "ada")

    done = await recovering.post(link, name="ADA@example.org")
    again = await recovering.post(link, form_of=of_bob, name="ada", t=link.partition("=")[2])

    assert (done[0], again[0]) == (303, 410)
    assert await living(recovering, kind, "ada") == had - 1
    assert await living(recovering, kind, "bob") == 1
    assert (await recovering.get(done[1]))[0] == 200
    assert (await recovering.get(link))[0] == 410
    assert await recovering.house.lives(login)
    assert len(await recovering.details(ENTRIES[kind])) == 1


@pytest.mark.parametrize("kind", MAKES)
async def test_a_look_a_scanner_and_another_person_end_nothing(recovering: Recovering, kind: MailKind) -> None:
    link = await linked(recovering, kind)

    for fields in ({}, {"name": ""}, {"name": "bob"}):
        assert (await recovering.get(link))[0] == 200
        assert (await recovering.post(link, **fields))[0] == 400
        assert (await recovering.post("/disown", form_of=link, **fields))[0] == 400
    other = next(one for one in ("/end-key", "/end-app", "/keep-account") if not link.startswith(one))
    assert (await recovering.post(other, form_of=link, name="ada"))[0] == 410, "of another kind"

    assert await living(recovering, kind, "ada") == 1
    assert await recovering.details(ENTRIES[kind]) == []
    assert (await recovering.post(link, name="ada"))[0] == 303


@pytest.mark.parametrize(("kind", "table"), [(MailKind.API_KEY_MADE, "api_keys"), (MailKind.APP_ADMITTED, "grants")])
async def test_a_link_of_one_person_never_ends_what_another_has(
    recovering: Recovering, kind: MailKind, table: str
) -> None:
    await MAKES[kind](recovering, "bob")
    of_bob = await recovering.house.pool.fetchval(f"SELECT id FROM {table}")
    async with recovering.house.acts.begin() as act:
        user = await act.users.named("ada")
        await recovering.notices.add(act, user, kind, NoticeFacts(link={ABOUT: b64(of_bob)}))

    assert (await recovering.post(await recovering.link(kind), name="ada"))[0] == 410

    assert await living(recovering, kind, "bob") == 1


@pytest.mark.parametrize("kind", MAKES)
async def test_the_same_page_signs_everybody_out_too(recovering: Recovering, kind: MailKind) -> None:
    login, link = await recovering.house.sign_in("ada"), await linked(recovering, kind)

    done = await recovering.post("/disown", form_of=link, name="ada")

    assert done[:2] == (303, "/disown/done")
    assert await living(recovering, kind, "ada") == 0
    assert not await recovering.house.lives(login)
    assert isinstance(await recovering.house.attempt("ada"), Wrong)
    assert len(await recovering.details(ENTRIES[kind])) == 1


async def test_of_two_that_use_one_link_at_once_one_does(recovering: Recovering) -> None:
    link = await linked(recovering, MailKind.API_KEY_MADE)
    await recovering.get(link)

    done = await asyncio.gather(*(recovering.post(link, name="ada") for _ in range(8)))

    assert sorted(one[0] for one in done) == [303, *[410] * 7]
    assert len(await recovering.details("api_key_revoked")) == 1


async def test_a_link_takes_back_no_later_request_to_be_erased(recovering: Recovering) -> None:
    link = await linked(recovering, MailKind.ERASURE_ASKED)
    await recovering.house.pool.execute("DELETE FROM erasure_requests")
    recovering.house.there.now += 1
    later = await linked(recovering, MailKind.ERASURE_ASKED)

    assert (await recovering.post(link, name="ada"))[0] == 410
    assert await living(recovering, MailKind.ERASURE_ASKED, "ada") == 1
    assert (await recovering.post(later, name="ada"))[0] == 303
