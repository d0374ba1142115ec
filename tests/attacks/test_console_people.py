"""The console under attack: roles of people who are disabled, roles with an end, and acts that cross each other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest

from gateway.core.admin.acts import AdminRole
from gateway.core.audit.lockout_events import Unlocked
from gateway.core.errors import GatewayError
from gateway.core.mail.links import LinkKind
from gateway.core.privacy.names import BadName
from gateway.flows.admin.console import MayNot
from gateway.flows.evidence.audit_entries import Listed, list_entries
from gateway.flows.mail.notices import Notices
from gateway.flows.people.login import AskedFactor
from gateway.flows.people.owners import LastOwner
from gateway.flows.people.users import Newcomer, UnknownLogin
from tests.attacks.conftest import House
from tests.attacks.desk import Desk, desk_of
from tests.attacks.phones import ada_with_phone
from tests.proofs import proofs_of

PAIRS = 10
MONTH_S = 2_592_000
DAY_S = 86_400
ORDERS = 8
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


async def test_groups_that_are_protected_are_given_and_taken_by_owners_only(desk: Desk) -> None:
    """Not to a crony, nor to a newcomer, nor from somebody who has one, in any spelling (U1)."""
    eve = await desk.add("eve")
    for name, role in (("sam", AdminRole.ADMIN), ("olivia", AdminRole.OWNER)):
        await desk.add(name, role)
    sam, olivia = [await desk.admin(name) for name in ("sam", "olivia")]
    mails = replace(desk.house.admin, notices=mailing(desk))
    people = replace(desk.people, operators=mails, protected_groups=("payroll",))
    newcomer = Newcomer("newcomer", "", "new@example.org", ("staff", "payroll"))

    for groups in (("staff", "payroll"), ("staff", "PayRoll")):
        with pytest.raises(MayNot, match=r"admin\.protected_groups; owner may"):
            await people.set_groups(sam, eve, groups, "friend", "")
        with pytest.raises(MayNot):
            await people.invite(sam, replace(newcomer, groups=groups), "friend", "")
    assert await people.set_groups(olivia, eve, ("staff", "payroll"), "new job", "") == ("staff", "payroll")
    with pytest.raises(MayNot):
        await people.set_groups(sam, eve, ("staff",), "foe", "")

    assert await people.set_groups(sam, eve, ("payroll", "ops"), "one that is not protected", "") == ("payroll", "ops")
    assert await people.invite(sam, replace(newcomer, groups=("staff",)), "as asked", "")
    assert await people.invite(olivia, replace(newcomer, username="cfo", email="cfo@example.org"), "as asked", "")
    assert await people.set_groups(olivia, eve, ("ops",), "another job", "") == ("ops",)


def mailing(desk: Desk) -> Notices:
    return Notices(is_on=True, lifetimes_s=dict.fromkeys(LinkKind, MONTH_S), random=desk.house.there.random)


async def test_no_order_of_acts_lets_an_admin_into_an_account_with_a_factor(desk: Desk) -> None:
    """Alone, and within a day (X12): whatever lets ada in, or proves who she is, stays as it was."""
    await ada_with_phone(desk.house)
    await desk.house.admin.set_email("ada", "ada@example.org")
    await desk.add("sam", AdminRole.ADMIN)
    sam, ada, began = await desk.admin("sam"), await desk.id_of("ada"), desk.house.there.now
    people = replace(desk.people, operators=replace(desk.house.admin, notices=mailing(desk)))
    acts: list[Callable[[], Awaitable[object]]] = [
        lambda: people.unlock(sam, ada, "x", ""),
        lambda: people.disable(sam, ada, "x", ""),
        lambda: people.enable(sam, ada, "x", ""),
        lambda: people.set_groups(sam, ada, ("admins",), "x", ""),
        lambda: people.end_sessions(sam, ada, "", "x", ""),
        lambda: people.rename(sam, ada, "ada2", "x", ""),
        lambda: people.rename(sam, ada, "ada", "x", ""),
        lambda: people.invite(sam, Newcomer("ada", "", "sam@example.org", ()), "x", ""),
        lambda: people.invite(sam, Newcomer("ada2", "", "ada@example.org", ()), "x", ""),
        lambda: people.set_role(sam, ada, AdminRole.ADMIN, "x", ""),
    ]
    before, rng = await proofs_of(desk.house.pool, ada), Random(12)

    for _ in range(ORDERS):
        for act in rng.sample(acts, len(acts)):
            with suppress(GatewayError):
                await act()
            assert await proofs_of(desk.house.pool, ada) == before

    assert desk.house.there.now - began < DAY_S
    await people.enable(sam, ada, "x", "")
    name = (await desk.house.admin.list())[0].username
    assert isinstance(await desk.house.attempt(name), AskedFactor)


async def test_support_unlocks_a_person_three_times_a_day(desk: Desk) -> None:
    """Each time gives guessers ten more tries (X12)."""
    ada = await desk.add("ada")
    for name, role in (("sam", AdminRole.ADMIN), ("hal", AdminRole.SUPPORT)):
        await desk.add(name, role)
    sam, hal = await desk.admin("sam"), await desk.admin("hal")
    for why in (None, None, "by_link"):
        async with desk.house.acts.begin(operator="hal") as act:
            act.record(Unlocked(ada, ("password known",), why))
    await desk.people.unlock(hal, ada, "asked", "")
    async with desk.house.acts.begin(operator="sam") as act:
        act.record(Unlocked(ada, ("password known",)))

    with pytest.raises(MayNot, match="three times a day"):
        await desk.people.unlock(hal, ada, "asked", "")

    await desk.people.unlock(sam, ada, "asked", "")
    desk.house.there.now += DAY_S
    await desk.people.unlock(await desk.admin("hal"), ada, "asked", "")
