"""What an operator changes of names and ends of logins is recorded whole, holds at once, and can be repeated."""

import asyncio
import json

import pytest

from gateway.core.base64url import unb64
from gateway.core.privacy.names import BadName
from gateway.flows.act import RedisBehind
from gateway.flows.people.users import BadReason, ChangedMeanwhile, Newcomer, UnknownLogin, UserAdmin
from gateway.stores.postgres.users import NameTaken, Users
from tests.flows.conftest import ADA, PASSWORD, Stage


async def test_a_person_with_other_names_is_found_by_them_and_stays_signed_in(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    before = await stage.passes(session)

    assert await stage.admin.rename("ada", "ada.lovelace")
    assert await stage.admin.set_name("ada.lovelace", "Countess Ada")
    assert await stage.admin.set_email("ada.lovelace", "countess@example.org")

    after, found = await stage.passes(session), await stage.admin.find("COUNTESS@example.org")
    assert before is not None
    assert after is not None
    assert (before.username, after.username, after.name) == ("ada", "ada.lovelace", "Countess Ada")
    assert found is not None
    assert (found.id, found.username, found.email) == (user_id, "ada.lovelace", "countess@example.org")
    assert [await stage.admin.find(old) for old in ("ada", "ada@example.org")] == [None, None]
    assert await stage.admin.passwords.verify(user_id, PASSWORD, found.password)


async def test_an_entry_says_which_name_changed_and_keeps_the_words_sealed(stage: Stage) -> None:
    await stage.admin.add(ADA, PASSWORD)

    assert await stage.admin.set_email("ada", "")
    assert not await stage.admin.set_email("ada", "")
    assert await stage.admin.rename("ada", "Ada")
    assert not await stage.admin.rename("ada", "Ada")

    async with stage.pool.acquire() as connection:
        rows = await connection.fetch("SELECT * FROM audit_entries WHERE kind = 'user_changed' ORDER BY id")
    assert [(row["actor"], json.loads(row["detail"])) for row in rows] == [
        ("cli:root", {"changed": "email"}),
        ("cli:root", {"changed": "username"}),
    ]
    assert "example.org" not in str([tuple(row) for row in rows])


@pytest.mark.parametrize("taken", ["EVE", "eve@example.org"])
async def test_nobody_gets_anothers_name_or_address_by_a_change(stage: Stage, taken: str) -> None:
    await stage.admin.add(ADA, PASSWORD)
    await stage.admin.add(Newcomer("eve", "", "eve@example.org", ()), PASSWORD)

    with pytest.raises(NameTaken):
        await stage.admin.rename("ada", taken)
    if "@" in taken:
        with pytest.raises(NameTaken):
            await stage.admin.set_email("ada", taken)

    assert (await stage.admin.show("ada")).user.email == "ada@example.org"
    assert await stage.entries("user_changed") == 0


async def test_a_change_of_names_refuses_what_nobody_may_be_called(stage: Stage) -> None:
    await stage.admin.add(ADA, PASSWORD)

    for change in (
        stage.admin.rename("ada", "ada,root"),
        stage.admin.rename("ada", ""),
        stage.admin.set_email("ada", "a@b@c"),
        stage.admin.set_name("ada", "a\r\nRemote-Groups: root"),
    ):
        with pytest.raises(BadName):
            await change


async def test_a_change_of_names_on_top_of_another_is_refused_whole(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    async with stage.pool.acquire() as connection, connection.transaction():
        await Users(connection, stage.vault).set_groups(user_id, ("interns",), stage.clock.now)
        change = asyncio.create_task(stage.admin.rename("ada", "countess"))
        await stage.waits_for_a_lock()

    with pytest.raises(ChangedMeanwhile):
        await change

    assert (await stage.admin.show("ada")).user.username == "ada"
    assert await stage.entries("user_changed") == 0


async def test_an_operator_ends_one_login_or_all_and_says_why(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    one, two, three = [await stage.sign_in(user_id) for _ in range(3)]
    assert one is not None
    assert two is not None
    assert three is not None
    assert all([await stage.passes(each) for each in (one, two, three)])

    assert await stage.admin.end_sessions("ada", unb64(one.login), "laptop stolen") == 1
    assert [await stage.passes(each) is None for each in (one, two, three)] == [True, False, False]
    assert await stage.admin.end_sessions("ada", unb64(one.login), "again") == 0
    assert await stage.admin.end_sessions("ada", None, "left the company") == 2
    assert await stage.admin.end_sessions("ada", None, "again") == 0

    assert [await stage.passes(each) for each in (two, three)] == [None, None]
    assert await stage.sign_in(user_id) is not None
    async with stage.pool.acquire() as connection:
        rows = await connection.fetch("SELECT * FROM audit_entries WHERE kind = 'sessions_ended' ORDER BY id")
        why = await connection.fetch("SELECT DISTINCT ended_why FROM logins WHERE ended_at IS NOT NULL")
    assert [set(json.loads(row["detail"])["logins"]) for row in rows] == [{one.login}, {two.login, three.login}]
    assert "stolen" not in str([tuple(row) for row in rows])
    assert [row["ended_why"] for row in why] == ["ended_by_operator"]


async def test_a_login_of_somebody_else_is_not_ended(stage: Stage) -> None:
    session = await stage.sign_in(await stage.admin.add(ADA, PASSWORD))
    await stage.admin.add(Newcomer("eve", "", "", ()), PASSWORD)
    assert session is not None

    for login_id in (unb64(session.login), b"nobody's login.."):
        with pytest.raises(UnknownLogin, match="bastion user sessions eve"):
            await stage.admin.end_sessions("eve", login_id, "why not")

    assert await stage.passes(session)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "two\nlines", "\x1b[31m"])
async def test_a_reason_is_one_line(stage: Stage, reason: str) -> None:
    await stage.admin.add(ADA, PASSWORD)

    with pytest.raises(BadReason):
        await stage.admin.end_sessions("ada", None, reason)


async def test_repeating_the_end_of_sessions_tells_redis_what_it_has_missed(
    stage: Stage, admin_without_redis: UserAdmin
) -> None:
    session = await stage.sign_in(await stage.admin.add(ADA, PASSWORD))
    assert session is not None
    assert await stage.passes(session)
    with pytest.raises(RedisBehind):
        await admin_without_redis.end_sessions("ada", unb64(session.login), "laptop stolen")

    assert await stage.admin.end_sessions("ada", unb64(session.login), "laptop stolen") == 0

    assert await stage.passes(session) is None
    assert await stage.entries("sessions_ended") == 1
