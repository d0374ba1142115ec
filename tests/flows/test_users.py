"""What an operator does to people is recorded whole, holds at once, and can be repeated after any crash."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.login.authelia import AutheliaPerson
from gateway.core.mail.links import LinkKind
from gateway.core.privacy.names import BadName
from gateway.core.units import DAY_S
from gateway.flows.act import RedisBehind
from gateway.flows.mail.notices import Notices
from gateway.flows.people.importing import Importing
from gateway.flows.people.new_passwords import BadPassword
from gateway.flows.people.users import (
    ChangedMeanwhile,
    Newcomer,
    UserAdmin,
)
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.users import NameTaken, NameUsed, UnknownUser, Users
from tests.flows.conftest import ADA, PASSWORD, Stage


async def test_a_new_person_is_found_by_both_names_and_has_the_password(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)

    found = await stage.admin.find("ADA@example.org")

    assert found is not None
    assert found == await stage.admin.find("Ada")
    assert (found.id, found.username, found.groups, found.state) == (user_id, "ada", ("staff",), "active")
    assert await stage.admin.passwords.verify(user_id, PASSWORD, found.password)
    assert not await stage.admin.passwords.verify(user_id, PASSWORD + "x", found.password)


async def test_the_entry_of_a_new_person_names_who_did_it_and_no_personal_words(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)

    async with stage.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT * FROM audit_entries")

    assert row is not None
    assert (row["kind"], row["actor"], row["subject"]) == ("user_added", "cli:root", user_id)
    assert json.loads(row["detail"]) == {"groups": ["staff"]}
    assert row["personal"]
    assert "example.org" not in str(tuple(row))
    assert "Lovelace" not in str(tuple(row))


@pytest.mark.parametrize(
    "newcomer",
    [
        replace(ADA, username="ada,root"),
        replace(ADA, username="ada\nRemote-Groups: root"),
        replace(ADA, username=""),
        replace(ADA, groups=("staff,root",)),
        replace(ADA, groups=("",)),
        replace(ADA, name="Ada\r\nRemote-Groups: root"),
        replace(ADA, email="ada@example.org,root@example.org"),
        replace(ADA, email="ada"),
    ],
)
async def test_nobody_gets_a_name_that_is_two_in_a_header(stage: Stage, newcomer: Newcomer) -> None:
    with pytest.raises(BadName):
        await stage.admin.add(newcomer, PASSWORD)

    assert await stage.admin.list() == []
    assert await stage.entries("user_added") == 0


async def test_groups_with_commas_are_refused_and_nothing_is_changed(stage: Stage) -> None:
    await stage.admin.add(ADA, PASSWORD)

    with pytest.raises(BadName):
        await stage.admin.set_groups("ada", ("staff", "ops,root"))

    assert (await stage.admin.show("ada")).user.groups == ("staff",)
    assert await stage.entries("groups_changed") == 0


async def test_the_name_of_another_is_taken_also_as_an_email(stage: Stage) -> None:
    await stage.admin.add(ADA, PASSWORD)

    for taken in ("ADA", "ada@example.org"):
        with pytest.raises(NameTaken):
            await stage.admin.add(Newcomer(taken, "", "", ()), PASSWORD)

    assert len(await stage.admin.list()) == 1
    assert await stage.entries("user_added") == 1


async def test_of_two_that_add_the_same_absent_person_one_does(stage: Stage) -> None:
    added = await asyncio.gather(*(stage.admin.add_if_absent(ADA, PASSWORD) for _ in range(2)))

    assert sorted(added) == [False, True]
    assert len(await stage.admin.list()) == 1


async def test_absent_does_not_mean_that_the_name_is_free(stage: Stage) -> None:
    await stage.admin.add(ADA, PASSWORD)

    with pytest.raises(NameTaken):
        await stage.admin.add_if_absent(Newcomer("ada@example.org", "", "", ()), PASSWORD)


async def test_a_disabled_person_passes_nowhere_and_can_not_sign_in(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    sessions = [await stage.sign_in(user_id) for _ in range(2)]
    known = [one for one in sessions if one is not None and await stage.passes(one)]

    assert await stage.admin.disable("ada")

    assert len(known) == 2
    assert [await stage.passes(one) for one in known] == [None, None]
    assert await stage.sign_in(user_id) is None
    assert (await stage.admin.show("ada")).logins == ()


async def test_disabling_tells_in_one_entry_which_logins_it_ended(stage: Stage) -> None:
    session = await stage.sign_in(await stage.admin.add(ADA, PASSWORD))
    assert session is not None

    assert await stage.admin.disable("ada")
    assert not await stage.admin.disable("ada")

    async with stage.pool.acquire() as connection:
        details = await connection.fetch("SELECT detail FROM audit_entries WHERE kind = 'user_disabled'")
        why = await connection.fetchval("SELECT ended_why FROM logins")
    assert [json.loads(row["detail"]) for row in details] == [{"logins": [session.login]}]
    assert why == "disabled"


async def test_who_is_enabled_again_signs_in_anew_and_no_old_login_comes_back(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    old = await stage.sign_in(user_id)
    assert old is not None
    await stage.admin.disable("ada")

    assert await stage.admin.enable("ada")
    assert not await stage.admin.enable("ada")

    new = await stage.sign_in(user_id)
    assert new is not None
    assert await stage.passes(new)
    assert await stage.passes(old) is None
    assert await stage.entries("user_enabled") == 1


async def test_a_new_password_ends_all_logins_and_the_old_password(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    assert await stage.passes(session)

    await stage.admin.set_password("ada", "another long one")

    stored = (await stage.admin.show("ada")).user.password
    assert await stage.admin.passwords.verify(user_id, "another long one", stored)
    assert not await stage.admin.passwords.verify(user_id, PASSWORD, stored)
    assert await stage.passes(session) is None
    assert await stage.entries("password_changed") == 1


async def test_a_password_like_the_name_is_refused_for_people_who_exist_too(stage: Stage) -> None:
    await stage.admin.add(replace(ADA, username="ada.augusta.lovelace"), PASSWORD)

    with pytest.raises(BadPassword, match="must not be your user name"):
        await stage.admin.set_password("ada@example.org", "Ada.Augusta.Lovelace")

    assert await stage.entries("password_changed") == 0


async def test_the_next_decision_knows_the_new_groups_and_the_login_goes_on(stage: Stage) -> None:
    session = await stage.sign_in(await stage.admin.add(ADA, PASSWORD))
    assert session is not None
    before = await stage.passes(session)

    await stage.admin.change_groups("ada", ("ops", "ops"), ("staff",))

    after = await stage.passes(session)
    assert before is not None
    assert after is not None
    assert (before.groups, after.groups) == (("staff",), ("ops",))


async def test_an_entry_says_which_groups_there_were_and_are(stage: Stage) -> None:
    await stage.admin.add(ADA, PASSWORD)

    await stage.admin.set_groups("ada", ("ops",))
    await stage.admin.set_groups("ada", ("ops",))
    await stage.admin.change_groups("ada", (), ("ghosts",))

    async with stage.pool.acquire() as connection:
        details = await connection.fetch("SELECT detail FROM audit_entries WHERE kind = 'groups_changed'")
    assert [json.loads(row["detail"]) for row in details] == [{"before": ["staff"], "after": ["ops"]}]


async def test_a_change_on_top_of_another_that_was_not_seen_is_refused_whole(stage: Stage) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    async with stage.pool.acquire() as connection, connection.transaction():
        await Users(connection, stage.vault).set_groups(user_id, ("interns",), stage.clock.now)
        change = asyncio.create_task(stage.admin.change_groups("ada", ("ops",), ()))
        await stage.waits_for_a_lock()

    with pytest.raises(ChangedMeanwhile):
        await change

    assert (await stage.admin.show("ada")).user.groups == ("interns",)
    assert await stage.entries("groups_changed") == 0


async def test_a_user_name_that_was_given_up_is_nobody_elses(stage: Stage) -> None:
    """By no way of getting one (X7). Its person may have it again, and an operator may insist."""
    bob, insisting = replace(ADA, username="bob", email=""), replace(stage.admin, reuses_names=True)
    await stage.admin.add(ADA, PASSWORD)
    await stage.admin.rename("ada", "countess")
    await stage.admin.add(bob, PASSWORD)
    arrival = AutheliaPerson("ada", "", "", (), "$2b$04$" + "x" * 53, disabled=False)

    with pytest.raises(NameUsed):
        await stage.admin.rename("bob", "Ada")
    with pytest.raises(NameUsed):
        await stage.admin.add(replace(ADA, email=""), PASSWORD)
    with pytest.raises(NameUsed):
        await invitations(stage).invite(replace(ADA, email="other@example.org"))
    (imported,) = await Importing(stage.admin).take_over([arrival], dry_run=False)

    assert (imported.outcome, imported.why[:36]) == ("left out", "the user name was somebody else's; `")
    assert await stage.admin.rename("countess", "ada")
    assert await insisting.rename("bob", "countess")
    assert await stage.admin.set_email("countess", "bob@example.org"), "who has a name keeps it"


def invitations(stage: Stage) -> UserAdmin:
    notices = Notices(is_on=True, lifetimes_s=dict.fromkeys(LinkKind, DAY_S), random=stage.random)
    return replace(stage.admin, notices=notices)


async def test_an_act_on_nobody_is_refused(stage: Stage) -> None:
    for act in (
        stage.admin.show("nobody"),
        stage.admin.disable("nobody"),
        stage.admin.enable("nobody"),
        stage.admin.set_password("nobody", PASSWORD),
        stage.admin.set_groups("nobody", ()),
        stage.admin.rename("nobody", "ada"),
        stage.admin.end_sessions("nobody", None, "why not"),
    ):
        with pytest.raises(UnknownUser, match="no person has"):
            await act


async def test_without_redis_the_act_is_recorded_and_the_error_says_what_is_left(
    stage: Stage, admin_without_redis: UserAdmin
) -> None:
    session = await stage.sign_in(await stage.admin.add(ADA, PASSWORD))
    assert session is not None
    assert await stage.passes(session)

    with pytest.raises(RedisBehind, match=r"recorded.*60 s.*Repeat"):
        await admin_without_redis.disable("ada")

    assert (await stage.admin.show("ada")).user.state == "disabled"
    assert await stage.entries("user_disabled") == 1
    assert await stage.passes(session), "or the error would say too much"


async def test_repeating_an_act_tells_redis_what_it_has_missed(stage: Stage, admin_without_redis: UserAdmin) -> None:
    session = await stage.sign_in(await stage.admin.add(ADA, PASSWORD))
    assert session is not None
    assert await stage.passes(session)
    with pytest.raises(RedisBehind):
        await admin_without_redis.disable("ada")

    assert not await stage.admin.disable("ada")

    assert await stage.passes(session) is None
    assert await stage.entries("user_disabled") == 1


async def test_redis_is_told_of_a_missed_end_also_when_the_person_lives_again(
    stage: Stage, admin_without_redis: UserAdmin
) -> None:
    """Only ending each login does it: the person's record is fresh, and the old login's is as it was."""
    user_id = await stage.admin.add(ADA, PASSWORD)
    old = await stage.sign_in(user_id)
    assert old is not None
    assert await stage.passes(old)
    for missed in (admin_without_redis.disable("ada"), admin_without_redis.enable("ada")):
        with pytest.raises(RedisBehind):
            await missed
    new = await stage.sign_in(user_id)
    assert new is not None
    assert await stage.passes(new)

    assert not await stage.admin.enable("ada")

    assert await stage.passes(new), "this brings the person back to Redis"
    assert await stage.passes(old) is None


async def test_adding_somebody_needs_no_redis(admin_without_redis: UserAdmin) -> None:
    await admin_without_redis.add(ADA, PASSWORD)

    assert await admin_without_redis.has("ada")


async def test_without_postgres_nothing_is_said_to_be_done(stage: Stage, tmp_path: Path) -> None:
    async with make_pool(f"postgresql://nobody@/none?host={tmp_path}", 1) as nowhere:
        admin = replace(stage.admin, acts=replace(stage.admin.acts, pool=nowhere))

        with pytest.raises(RecordUnavailable):
            await admin.add(ADA, PASSWORD)
        with pytest.raises(RecordUnavailable):
            await admin.disable("ada")
