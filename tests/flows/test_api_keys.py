"""API keys against real stores: made by policy, at rest as a hash, live for as long as their person may have them."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from gateway.core.base64url import b64
from gateway.core.forward.answer import Answer
from gateway.core.forward.request import read_request
from gateway.core.session.tokens import tag_of
from gateway.core.token.api_key import ApiKeys
from gateway.flows.decide.refill import FillOutcome
from gateway.flows.people.api_keys import ApiKeyAdmin, BadKey, KeyMaker, UnknownKey, WantedKey
from gateway.flows.people.passwords import Passwords
from gateway.flows.people.users import UserAdmin
from gateway.stores.postgres.api_keys import KEPT_S, KEYS_OF_PERSON, ApiKeyRow
from gateway.stores.postgres.users import UnknownUser
from gateway.waiting import answer_of
from tests.conftest import Pool
from tests.core.forward.keys import FILES, POLICY, basic, taking
from tests.core.forward.setting import ADA, KEYS, headers_of
from tests.deciding import Deciding, deciding

WANTED: Final = WantedKey("backup", ("files.read",), (FILES,))
ACTOR: Final = "cli:root"
PASSWORDS: Final = Passwords({"p1": b"p" * 32}, threads=1, cost=4)


@pytest.fixture
async def here(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    assert await redis.dbsize() == 0
    async with deciding(pool, redis_url, int(time.time()), context=taking()) as made:
        await made.add_person()
        yield made


def maker(here: Deciding) -> KeyMaker:
    return KeyMaker(KEYS, lambda: POLICY, here.random)


def admin(here: Deciding) -> ApiKeyAdmin:
    return ApiKeyAdmin(here.acts, KEYS, ACTOR)


async def make(here: Deciding, wanted: WantedKey = WANTED) -> str:
    return await admin(here).create(maker(here), "ada", wanted)


async def call(here: Deciding, authorization: str, path: str = "/x", address: str = "198.51.100.7") -> Answer:
    sent = {
        "host": FILES,
        "x-request-id": str(uuid4()),
        "x-forwarded-method": "GET",
        "x-forwarded-uri": path,
        "x-forwarded-host": FILES,
        "x-forwarded-proto": "https",
        "x-forwarded-for": address,
        "x-bastion-snippet": "2;;",
        "authorization": authorization,
    }
    request = read_request((name.encode(), value.encode()) for name, value in sent.items())
    return await answer_of(lambda waiter: here.decisions.start(request, waiter))


async def status(here: Deciding, key: str) -> int:
    return (await call(here, f"Bearer {key}")).status


def users(here: Deciding) -> UserAdmin:
    return UserAdmin(here.acts, PASSWORDS, KEYS, here.random, ACTOR)


async def row_of(here: Deciding, key: str) -> ApiKeyRow:
    presented = ApiKeys(KEYS.api_key, KEYS.person).presented(key)
    assert presented is not None
    async with here.acts.begin() as act:
        found = await act.api_keys.find(presented.login_id)
    assert found is not None
    return found


async def test_a_key_that_redis_never_heard_of_is_let_in_as_its_person(here: Deciding) -> None:
    key = await make(here)

    answers = [await call(here, f"Bearer {key}"), await call(here, basic(key))]

    assert [one.status for one in answers] == [200, 200]
    assert headers_of(answers[0])["Remote-User"] == "ada"
    assert here.fills == [FillOutcome.FILLED]
    assert (await row_of(here, key)).last_used_at is not None


async def test_the_key_is_nowhere_in_clear(here: Deciding, redis: Redis) -> None:
    key = await make(here)
    await status(here, key)

    async with here.pool.acquire() as connection:
        keys = await connection.fetch("SELECT * FROM api_keys")
        entries = await connection.fetch("SELECT * FROM audit_entries")
    stored = [str(dict(row)) for row in [*keys, *entries]]
    held = [str(await redis.get(name)) for name in await redis.keys()]
    assert len(entries) == 1
    assert held
    for text in stored + held:
        assert key not in text
        assert key[42:85] not in text  # its secret
        assert "backup" not in text
    assert FILES not in "".join(held)


async def _revoke(here: Deciding, key: str) -> None:
    await admin(here).revoke((await row_of(here, key)).id)


async def _disable(here: Deciding, _key: str) -> None:
    await users(here).disable("ada")


async def _set_password(here: Deciding, _key: str) -> None:
    await users(here).set_password("ada", "correct horse battery")


async def _end_sessions(here: Deciding, _key: str) -> None:
    await users(here).end_sessions("ada", None, "lost phone")


ENDS: Final[dict[str, Callable[[Deciding, str], Awaitable[None]]]] = {
    "revoked": _revoke,
    "its person is disabled": _disable,
    "its person's password is set": _set_password,
    "an operator ends all sessions": _end_sessions,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("known", [True, False])
async def test_it_passes_no_more_when_the_act_is_over(
    here: Deciding, redis: Redis, end: Callable[[Deciding, str], Awaitable[None]], known: bool
) -> None:
    key, other = await make(here), await make(here)
    if known:
        assert (await status(here, key), await status(here, other)) == (200, 200)

    await end(here, key)

    assert await status(here, key) == 401
    await redis.flushall()
    assert await status(here, key) == 401
    await users(here).enable("ada")
    await redis.flushall()
    assert await status(here, key) == 401
    assert await status(here, other) == (200 if end is _revoke else 401)


async def test_a_group_that_is_taken_away_takes_its_scopes_at_once(here: Deciding) -> None:
    key = await make(here, replace(WANTED, scopes=("files.read", "files.write")))
    assert (await call(here, f"Bearer {key}", "/write/x")).status == 200

    await users(here).set_groups("ada", ("guests",))
    assert (await call(here, f"Bearer {key}", "/write/x")).status == 403
    assert (await call(here, f"Bearer {key}")).status == 200

    await users(here).set_groups("ada", ())
    assert (await call(here, f"Bearer {key}")).status == 403


async def test_networks_and_hosts_hold_from_the_live_copy(here: Deciding) -> None:
    key = await make(here, replace(WANTED, networks=("198.51.100.0/24",)))
    elsewhere = await make(here, replace(WANTED, hosts=("dav.example.org",)))

    assert (await call(here, f"Bearer {key}")).status == 200
    assert (await call(here, f"Bearer {key}", address="203.0.113.1")).status == 403
    assert await status(here, elsewhere) == 401


@pytest.mark.parametrize(("days", "until"), [(1, 86_400), (90, 90 * 86_400), (None, None)])
async def test_it_expires_as_asked(here: Deciding, days: int | None, until: int | None) -> None:
    key = await make(here, replace(WANTED, days=days))
    row = await row_of(here, key)

    assert row.expires_at == (None if until is None else here.now + until)
    assert await status(here, key) == 200
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE api_keys SET expires_at = $1 WHERE id = $2", here.now - 1, row.id)
    await here.revocations.end("key", tag_of(KEYS.tag, ADA), b64(row.id))
    assert await status(here, key) == 401


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (replace(WANTED, scopes=("admin",)), "the scope 'admin' is not one that this person may give"),
        (replace(WANTED, scopes=()), "1 to 32 scopes"),
        (replace(WANTED, hosts=()), "1 to 32 hosts"),
        (replace(WANTED, hosts=("evil.example",)), "no host of the policy"),
        (replace(WANTED, hosts=("https://files.example.org",)), "no host of the policy"),
        (replace(WANTED, networks=("x",)), "no network"),
        (replace(WANTED, networks=("10.0.0.1/8",)), "no network"),
        (replace(WANTED, networks=("fe80::1%eth0",)), "no network"),
        (replace(WANTED, networks=("fe80::1%\x1b[2J\0",)), "no network"),
        (replace(WANTED, networks=("fe80::%any-text/10",)), "no network"),
        (replace(WANTED, name=" "), "a name has 1 to 60 characters"),
        (replace(WANTED, name="x" * 61), "a name has 1 to 60 characters"),
        (replace(WANTED, name="a\nb"), "a name has 1 to 60 characters"),
        (replace(WANTED, days=0), "1 to 3650 days"),
        (replace(WANTED, days=3651), "1 to 3650 days"),
    ],
)
async def test_no_other_key_is_made(here: Deciding, wanted: WantedKey, says: str) -> None:
    with pytest.raises(BadKey, match=says):
        await make(here, wanted)

    assert await admin(here).list(None) == []


async def test_a_person_has_so_many_keys_and_none_while_disabled(here: Deciding) -> None:
    for _ in range(KEYS_OF_PERSON):
        await make(here)
    with pytest.raises(BadKey, match="25 keys already"):
        await make(here)

    first = (await admin(here).list("ada"))[0]
    assert first.key.name == "backup"
    assert await admin(here).revoke(first.key.id)
    assert not await admin(here).revoke(first.key.id)
    assert await make(here)
    await users(here).disable("ada")
    await admin(here).revoke((await admin(here).list("ada"))[0].key.id)
    with pytest.raises(BadKey, match="disabled"):
        await make(here)


async def test_what_is_not_known_is_said(here: Deciding) -> None:
    with pytest.raises(UnknownKey):
        await admin(here).revoke(b"x" * 16)
    with pytest.raises(UnknownUser):
        await admin(here).list("bob")
    with pytest.raises(UnknownUser):
        await admin(here).create(maker(here), "bob", WANTED)


async def test_a_key_of_another_person_s_tag_is_nobodys(here: Deciding) -> None:
    key = await make(here)
    bob = UUID(int=2)
    await here.add_person(bob, "bob")
    row = await row_of(here, key)
    forged = ApiKeys(KEYS.api_key, KEYS.person).mint(tag_of(KEYS.tag, bob), row.id, b"s" * 32)

    assert await status(here, forged) == 401
    assert await status(here, key) == 200


async def test_purging_takes_what_was_over_for_a_week_and_keeps_what_lives(here: Deciding) -> None:
    wanted = (WANTED, replace(WANTED, days=1), replace(WANTED, days=None))
    ended, expired, live = [await row_of(here, await make(here, one)) for one in wanted]
    await admin(here).revoke(ended.id)
    assert expired.expires_at is not None

    async def left_at(now: int) -> list[str]:
        async with here.acts.begin() as act:
            await act.api_keys.purge(now)
            known = {"ended": ended.id, "expired": expired.id, "live": live.id}
            return [name for name, id_ in known.items() if await act.api_keys.find(id_) is not None]

    assert await left_at(here.now + KEPT_S) == ["ended", "expired", "live"]
    assert await left_at(here.now + KEPT_S + 1) == ["expired", "live"]
    assert await left_at(expired.expires_at + KEPT_S) == ["expired", "live"]
    assert await left_at(expired.expires_at + KEPT_S + 1) == ["live"]
    async with here.acts.begin() as act:
        assert await act.api_keys.list_live(ADA, here.now) == [live]
