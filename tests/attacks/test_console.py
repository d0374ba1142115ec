"""The console under attack: copied cookies, roles that end between page and act, owners who race (ui.md section 9)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from gateway.app.console import Follower
from gateway.core.admin.acts import AdminRole
from gateway.core.admin.live_limits import typed
from gateway.core.errors import TooManyAttempts
from gateway.core.policy.networks import NetworkSet
from gateway.flows.admin.console import Administrator, MayNot, Outside
from gateway.flows.admin.live_settings import ChangedBySomebody, LiveSettings, SettingsAdmin, WantedLimit
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.owners import LastOwner
from gateway.stores.files.settings import LastSettings
from tests.attacks.conftest import House
from tests.attacks.desk import LOGIN, OFFICE, RULES, Desk, desk_of
from tests.flows.test_policies import GOOD, another

ELSEWHERE = ip_address("203.0.113.9")
PAIRS = 10


@pytest.fixture
def desk(house: House) -> Desk:
    return desk_of(house)


async def test_whoever_has_no_role_finds_nothing_and_enters_nowhere(desk: Desk) -> None:
    await desk.add("ada")
    live = await desk.live("ada")

    assert await desk.console.find(live, OFFICE) is None
    assert not await desk.console.enter(live, OFFICE, "")


@pytest.mark.parametrize(("age_s", "enters"), [(0, True), (420, True), (421, False)])
async def test_the_console_opens_to_a_fresh_second_factor_alone(desk: Desk, age_s: int, enters: bool) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    live = await desk.live("olivia", age_s)

    assert await desk.console.enter(live, OFFICE, "") is enters
    assert isinstance(await desk.console.find(live, OFFICE), Administrator) is enters


async def test_a_password_alone_never_opens_it(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    live = await desk.house.live(await desk.house.sign_in("olivia"))
    assert live is not None

    assert not await desk.console.enter(live, OFFICE, "")


async def end_login(desk: Desk, live: LiveLogin) -> None:
    await desk.house.account.end_all(live, "")


async def disable(desk: Desk, _live: LiveLogin) -> None:
    await desk.house.admin.disable("olivia")


async def demote(desk: Desk, _live: LiveLogin) -> None:
    await desk.roles.revoke("olivia", "left")


async def leave(desk: Desk, live: LiveLogin) -> None:
    await desk.console.leave(live)


@pytest.mark.parametrize("what", [end_login, disable, demote, leave])
async def test_it_ends_at_once_for_the_cookie_and_its_copies(
    desk: Desk, what: Callable[[Desk, LiveLogin], object]
) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    await desk.add("oscar", AdminRole.OWNER)
    live = await desk.entered("olivia")
    assert isinstance(await desk.console.find(live, OFFICE), Administrator)

    await what(desk, live)  # type: ignore[misc]

    assert not isinstance(await desk.console.find(live, OFFICE), Administrator)


async def test_it_is_open_in_one_browser_and_at_one_address(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    first, second = await desk.entered("olivia"), await desk.live("olivia")

    assert isinstance(await desk.console.find(second, OFFICE), Outside)
    assert isinstance(await desk.console.find(first, ELSEWHERE), Outside)
    assert isinstance(await desk.console.find(first, None), Outside)
    assert isinstance(await desk.console.find(first, OFFICE), Administrator)


@pytest.mark.parametrize(("waits_s", "is_open"), [(899, True), (900, False)])
async def test_it_ends_without_a_page(desk: Desk, waits_s: int, is_open: bool) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    live = await desk.entered("olivia")

    desk.house.there.now += waits_s

    assert isinstance(await desk.console.find(live, OFFICE), Administrator) is is_open


async def test_a_live_page_keeps_no_console_open_and_ends_with_it(desk: Desk) -> None:
    """It asks every 100 s for as long as it may: to the second at which a console ends that nobody uses."""
    await desk.add("olivia", AdminRole.OWNER)
    live = await desk.entered("olivia")

    answers = []
    for waits_s in (100,) * 8 + (99, 1):
        desk.house.there.now += waits_s
        answers.append(isinstance(await desk.console.poll(live, OFFICE), Administrator))

    assert answers == [True] * 9 + [False]
    assert isinstance(await desk.console.find(live, OFFICE), Outside)


@pytest.mark.parametrize("what", [end_login, disable, demote, leave])
async def test_a_live_page_ends_at_once(desk: Desk, what: Callable[[Desk, LiveLogin], object]) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    await desk.add("oscar", AdminRole.OWNER)
    live = await desk.entered("olivia")
    assert isinstance(await desk.console.poll(live, OFFICE), Administrator)
    assert await desk.console.poll(live, ELSEWHERE) is None

    await what(desk, live)  # type: ignore[misc]

    assert await desk.console.poll(live, OFFICE) is None


def test_an_address_in_no_network_reaches_nothing() -> None:
    rules = replace(RULES, networks=NetworkSet.of([ip_network("192.0.2.0/24")]))

    assert [rules.reaches(one) for one in (OFFICE, ELSEWHERE, None)] == [True, False, False]
    assert all(RULES.reaches(one) for one in (OFFICE, ELSEWHERE, None))


async def test_a_role_that_ended_since_the_page_does_nothing(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    ada, _ = await desk.add("ada"), await desk.add("sam", AdminRole.ADMIN)
    sam, token = await desk.admin("sam"), await desk.house.sign_in("ada")

    await desk.roles.revoke("sam", "left")

    with pytest.raises(MayNot):
        await desk.people.end_sessions(sam, ada, "", "why", "")
    with pytest.raises(MayNot):
        await desk.people.set_groups(sam, ada, ("admins",), "why", "")
    assert await desk.house.lives(token)


async def test_an_admin_does_nothing_to_an_owner(desk: Desk) -> None:
    olivia, _ = await desk.add("olivia", AdminRole.OWNER), await desk.add("sam", AdminRole.ADMIN)
    sam, token = await desk.admin("sam"), await desk.house.sign_in("olivia")

    for act in (
        lambda: desk.people.end_sessions(sam, olivia, "", "why", ""),
        lambda: desk.people.disable(sam, olivia, "why", ""),
        lambda: desk.people.set_role(sam, olivia, None, "why", ""),
        lambda: desk.people.set_groups(sam, olivia, (), "why", ""),
    ):
        with pytest.raises(MayNot):
            await act()
    assert await desk.house.lives(token)


async def test_of_owners_who_demote_each_other_at_once_one_is_left(desk: Desk) -> None:
    """A third owner stays, so that it is the role of who acts that counts, and not that somebody has to be left."""
    await desk.add("olivia", AdminRole.OWNER)
    for number in range(PAIRS):
        names = [f"left{number}", f"right{number}"]
        ids = [await desk.add(name, AdminRole.OWNER) for name in names]
        first, second = [await desk.admin(name) for name in names]

        outcomes = await asyncio.gather(
            desk.people.set_role(first, ids[1], None, "race", ""),
            desk.people.set_role(second, ids[0], None, "race", ""),
            return_exceptions=True,
        )

        left = [one.username for one in await desk.roles.list() if one.username in names]
        assert len(left) == 1, outcomes
        assert sum(isinstance(one, MayNot) for one in outcomes) == 1


async def test_the_last_two_owners_who_demote_each_other_leave_one(desk: Desk) -> None:
    ids = [await desk.add(name, AdminRole.OWNER) for name in ("left", "right")]
    first, second = [await desk.admin(name) for name in ("left", "right")]

    await asyncio.gather(
        desk.people.set_role(first, ids[1], None, "race", ""),
        desk.people.set_role(second, ids[0], None, "race", ""),
        return_exceptions=True,
    )

    assert len(await desk.roles.list()) == 1


async def test_the_last_owner_can_be_neither_disabled_nor_demoted(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)

    with pytest.raises(LastOwner):
        await desk.house.admin.disable("olivia")
    with pytest.raises(LastOwner):
        await desk.roles.revoke("olivia", "why")
    with pytest.raises(LastOwner):
        await desk.roles.grant("olivia", AdminRole.AUDITOR, None, "why")
    await desk.add("oscar", AdminRole.OWNER)
    assert await desk.house.admin.disable("olivia")


async def test_roles_are_given_and_taken_a_few_times_an_hour(desk: Desk) -> None:
    await desk.add("olivia", AdminRole.OWNER)
    olivia, ada = await desk.admin("olivia"), await desk.add("ada")
    for number in range(5):
        assert await desk.people.set_role(olivia, ada, None if number % 2 else AdminRole.AUDITOR, "why", "")

    with pytest.raises(TooManyAttempts):
        await desk.people.set_role(olivia, ada, None, "why", "")


def wanted(rate: str, seen: int, until: int | None = None) -> WantedLimit:
    return WantedLimit("AUTH.LOGIN", typed(rate, ""), until, "training", seen)


async def test_of_two_who_change_one_setting_one_wins_and_the_other_sees_both_values(desk: Desk) -> None:
    outcomes = await asyncio.gather(
        desk.settings.change(wanted("20/min", 0), "cli:one"),
        desk.settings.change(wanted("30/min", 0), "cli:two"),
        return_exceptions=True,
    )

    (clash,) = [one for one in outcomes if isinstance(one, ChangedBySomebody)]
    found = await desk.settings.find("AUTH.LOGIN")
    assert found is not None
    won, lost = ("20/min", "30/min") if found.live.count == 20 else ("30/min", "20/min")
    assert won in str(clash)
    assert lost in str(clash)


async def test_limits_of_logins_beyond_ten_times_the_file_are_changed_by_owners(desk: Desk) -> None:
    olivia, sam = await desk.add("olivia", AdminRole.OWNER), await desk.add("sam", AdminRole.ADMIN)

    with pytest.raises(MayNot):
        await desk.settings.change(wanted("101/min", 0), str(sam), sam)
    assert await desk.settings.change(wanted("101/min", 0), str(olivia), olivia) > 0


async def test_a_worker_follows_a_change_its_end_and_a_database_that_went_back(desk: Desk, tmp_path: Path) -> None:
    there = desk.house.there
    live = LiveSettings(desk.house.pool, {"AUTH.LOGIN": LOGIN}, LastSettings(tmp_path / "last"), lambda: there.now)
    await live.first()
    own_network = replace(LOGIN, burst=99)

    await desk.settings.change(wanted("20/min", 0, until=there.now + 60), "cli:root")

    assert live.in_force(LOGIN) == LOGIN
    assert await live.refresh()
    assert live.in_force(LOGIN).count == 20
    assert live.in_force(own_network) == own_network
    there.now += 60
    assert await live.refresh(), "its time is over"
    assert live.in_force(LOGIN) == LOGIN
    await desk.settings.expire()
    revision = live.revision
    await live.refresh()
    assert live.revision > revision
    async with desk.house.pool.acquire() as connection:
        await connection.execute("UPDATE settings_head SET revision = 0")
    await live.refresh()
    assert live.revision == 0


async def test_a_start_without_postgres_has_what_the_node_knew_last(desk: Desk, tmp_path: Path) -> None:
    there, kept = desk.house.there, LastSettings(tmp_path / "last")
    before = LiveSettings(desk.house.pool, {"AUTH.LOGIN": LOGIN}, kept, lambda: there.now)
    await desk.settings.change(wanted("4/min", 0), "cli:root")
    await before.first()
    await desk.house.pool.close()

    again = LiveSettings(desk.house.pool, {"AUTH.LOGIN": LOGIN}, kept, lambda: there.now)
    stranger = LiveSettings(desk.house.pool, {"AUTH.LOGIN": LOGIN}, LastSettings(tmp_path / "none"), lambda: there.now)
    await again.first()
    await stranger.first()

    assert (again.is_known, again.limit("AUTH.LOGIN").count) == (True, 4)
    assert not stranger.is_known


async def test_a_worker_that_could_not_take_a_change_over_tries_again(desk: Desk, tmp_path: Path) -> None:
    """Else it would report a limit that it does not enforce. It counts as behind meanwhile."""
    there, policy_worker = desk.house.there, another(desk.house.pool, tmp_path)
    policy_worker.file.write_text(GOOD)
    policy_worker.policies.first()
    configured = {**policy_worker.limits, "AUTH.KEY": replace(LOGIN, name="AUTH.KEY")}
    live = LiveSettings(desk.house.pool, configured, LastSettings(tmp_path / "last"), lambda: there.now)
    reached, behind = list[int](), list[int]()
    follower = Follower(
        configured, live, policy_worker.policies, there.decisions, reached=reached.append, behind=behind.append
    )
    await follower.first()
    await follower.follow()
    name = "GENERAL.SESSION"
    settings = SettingsAdmin(desk.house.acts, configured)
    await settings.change(WantedLimit(name, typed("77/min", ""), None, "why", 0), "cli:root")

    async with policy_worker.policies._reloading:
        with suppress(TimeoutError):
            await asyncio.wait_for(follower.follow(), 0.5)
    revision, _ = await follower.follow()

    assert revision == 1
    assert (reached, behind) == ([0, 1], [False, True, False])
    assert policy_worker.policies.limits[name].count == 77
    assert len(policy_worker.enforced) == 1
    await follower.follow()
    assert len(policy_worker.enforced) == 1, "once"
