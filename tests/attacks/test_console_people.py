"""The console under attack: roles of people who are disabled, roles with an end, and acts that cross each other."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.core.admin.acts import AdminRole
from gateway.core.mail.links import LinkKind
from gateway.core.privacy.names import BadName
from gateway.flows.admin.console import MayNot
from gateway.flows.evidence.audit_entries import Listed, list_entries
from gateway.flows.mail.notices import Notices
from gateway.flows.people.owners import LastOwner
from gateway.flows.people.users import Newcomer, UnknownLogin
from tests.attacks.conftest import House
from tests.attacks.desk import Desk, desk_of

PAIRS = 10
MONTH_S = 2_592_000
HOUR_S = 3600


@pytest.fixture
def desk(house: House) -> Desk:
    return desk_of(house)


async def test_an_admin_does_not_bring_back_an_owner_who_was_disabled(desk: Desk) -> None:
    """Somebody disabled a stolen account; a role that rests is a role."""
    await desk.add("olivia", AdminRole.OWNER)
    oscar, _ = await desk.add("oscar", AdminRole.OWNER), await desk.add("sam", AdminRole.ADMIN)
    await desk.house.admin.disable("oscar")
    sam = await desk.admin("sam")

    with pytest.raises(MayNot):
        await desk.people.enable(sam, oscar, "why", "")
    with pytest.raises(MayNot):
        await desk.people.set_groups(sam, oscar, ("admins",), "why", "")
    shown = await desk.people.show(oscar)
    assert shown is not None
    assert shown.role is AdminRole.OWNER
    assert await desk.people.enable(await desk.admin("olivia"), oscar, "why", "")


async def test_an_end_of_the_last_owners_role_is_refused(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    oscar = await desk.add("oscar", AdminRole.OWNER)
    soon = desk.house.there.now + MONTH_S

    await desk.roles.grant("oscar", AdminRole.OWNER, soon, "leaves")

    with pytest.raises(LastOwner):
        await desk.roles.grant("olivia", AdminRole.OWNER, soon, "leaves")
    with pytest.raises(LastOwner):
        await desk.people.set_role(await desk.admin("oscar"), await desk.id_of("olivia"), None, "coup", "")
    with pytest.raises(LastOwner):
        await desk.house.admin.disable("olivia")
    assert await desk.people.set_role(await desk.admin("olivia"), oscar, None, "why", "")


async def test_an_owner_with_an_end_becomes_one_without(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    oscar = await desk.add("oscar")
    await desk.roles.grant("oscar", AdminRole.OWNER, desk.house.there.now + MONTH_S, "trial")

    assert await desk.people.set_role(await desk.admin("olivia"), oscar, AdminRole.OWNER, "stays", "")

    assert {one.username: one.until for one in await desk.roles.list()} == {"olivia": None, "oscar": None}
    assert await desk.roles.revoke("olivia", "left")


async def test_two_owners_who_act_on_each_other_at_once_both_succeed(desk: Desk) -> None:
    """Each holds their own row and changes the other's: in another order than that of ids they would deadlock."""
    for number in range(PAIRS):
        names = [f"left{number}", f"right{number}"]
        ids = [await desk.add(name, AdminRole.OWNER) for name in names]
        first, second = [await desk.admin(name) for name in names]

        await asyncio.gather(
            desk.people.set_groups(first, ids[1], ("ops",), "race", ""),
            desk.people.set_groups(second, ids[0], ("ops",), "race", ""),
        )


@pytest.mark.parametrize("login", ["!", "A", "AAAA"])
async def test_what_names_no_login_ends_none(desk: Desk, login: str) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    ada = await desk.add("ada")
    token = await desk.house.sign_in("ada")

    with pytest.raises(UnknownLogin):
        await desk.people.end_sessions(await desk.admin("olivia"), ada, login, "why", "")

    assert await desk.house.lives(token)


async def test_the_list_of_people_goes_on_after_somebody_is_erased(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    ada = await desk.add("ada")
    async with desk.house.acts.begin() as act:
        await act.erasures.erase(ada, act.now)

    assert [one.user.username for one in await desk.people.page(None)] == ["olivia"]


async def views(desk: Desk) -> Sequence[Listed]:
    acts = desk.house.acts
    return await list_entries(acts.pool, acts.vault, None, "person_viewed", 50)


async def test_who_looks_at_a_person_stands_in_the_log_once_an_hour(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    ada, sam = await desk.add("ada"), await desk.add("sam", AdminRole.SUPPORT)
    who, helper = await desk.admin("olivia"), await desk.admin("sam")

    for _ in range(3):
        assert await desk.people.view(who, ada, "") is not None
    await desk.people.view(who, sam, "")
    await desk.people.view(helper, ada, "")
    await desk.people.view(helper, sam, "")  # oneself
    seen = [(one.actor, one.subject) for one in await views(desk)]
    desk.house.there.now += HOUR_S
    await desk.people.view(who, ada, "")

    assert seen == [("olivia", "ada"), ("olivia", "sam"), ("sam", "ada")]
    assert len(await views(desk)) == len(seen) + 1


async def test_the_list_of_who_is_in_leaves_out_whose_login_ended(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    await desk.add("oscar", AdminRole.OWNER)
    await desk.admin("olivia")
    live = await desk.entered("oscar")

    await desk.house.account.end_all(live, "")

    assert [one.name for one in await desk.console.inside()] == ["olivia"]


async def test_a_name_that_policy_has_is_given_by_owners_only(desk: Desk) -> None:
    """An admin renames a crony, or invites a newcomer, to a name that opens payroll (X7)."""
    eve = await desk.add("eve")
    for name, role in (("sam", AdminRole.ADMIN), ("olivia", AdminRole.OWNER), ("hal", AdminRole.SUPPORT)):
        await desk.add(name, role)
    sam, olivia, hal = [await desk.admin(name) for name in ("sam", "olivia", "hal")]
    people = replace(desk.people, operators=replace(desk.house.admin, notices=mailing(desk)))
    newcomer = Newcomer("payroll", "", "new@example.org", ())

    for who, given in ((sam, newcomer), (hal, replace(newcomer, username="other"))):
        with pytest.raises(MayNot):
            await people.rename(who, eve, given.username, "friend", "")
        with pytest.raises(MayNot):
            await people.invite(who, given, "friend", "")
    with pytest.raises(MayNot):
        await people.rename(sam, await desk.id_of("olivia"), "other", "coup", "")

    assert [one.user.username for one in await people.page(None) if one.role is None] == ["eve"]
    assert await people.rename(sam, eve, "other", "married", "")
    assert await people.rename(olivia, eve, "payroll", "new job", "")
    with pytest.raises(BadName, match="was somebody else's"):
        await people.invite(olivia, replace(newcomer, username="eve"), "as asked", "")
    assert await people.invite(sam, replace(newcomer, username="newcomer"), "as asked", "")


def mailing(desk: Desk) -> Notices:
    return Notices(is_on=True, lifetimes_s=dict.fromkeys(LinkKind, MONTH_S), random=desk.house.there.random)
