"""Emergencies on real stores: who may, what binds their author, what goes on after the end (ui.md U14, U16)."""

from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from gateway.core.admin.acts import AdminRole
from gateway.core.admin.emergency import BadEmergency, Measure
from gateway.core.policy.overlay import NO_OVERLAY
from gateway.flows.admin.console import MayNot
from gateway.flows.admin.emergency import AskedBy, EmergencyAdmin, WantedEnd, WantedMeasure
from gateway.flows.admin.live_settings import LiveSettings, SettingsAdmin
from gateway.flows.admin.role_admin import RoleAdmin
from gateway.flows.admin.session_ending import SessionEnding
from gateway.flows.mail.notices import NO_NOTICES, Notices
from gateway.flows.people.issuing import LoginsStopped
from gateway.flows.people.users import Newcomer
from gateway.stores.files.settings import LastSettings
from tests.attacks.conftest import House
from tests.core.forward.setting import KEYS, POLICY

ROOT = AskedBy("cli:root")


@dataclass
class Station:
    """A house with what is for three in the morning, and the settings of one worker."""

    house: House
    emergency: EmergencyAdmin
    ending: SessionEnding
    live: LiveSettings

    async def add(self, name: str, role: AdminRole | None = None, groups: tuple[str, ...] = ("staff",)) -> UUID:
        user_id = await self.house.add(name, groups)
        if role is not None:
            await RoleAdmin(self.house.acts, "cli:root").grant(name, role, None, "first")
        return user_id

    async def events(self, kind: str) -> int:
        async with self.house.pool.acquire() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM audit_entries WHERE kind = $1", kind))


@pytest.fixture
def station(house: House, tmp_path: Path) -> Station:
    there = house.there
    return Station(
        house,
        EmergencyAdmin(house.acts, NO_NOTICES, lambda: POLICY),
        SessionEnding(house.acts, KEYS.tag, batch=2),
        LiveSettings(house.pool, {}, LastSettings(tmp_path / "last"), lambda: there.now),
    )


@pytest.mark.parametrize("role", AdminRole)
async def test_each_measure_is_of_its_roles(station: Station, role: AdminRole) -> None:
    by = AskedBy("x", await station.add("olivia", role))

    async def may(measure: Measure) -> bool:
        try:
            if measure is Measure.END_SESSIONS:
                await station.emergency.end_sessions(WantedEnd("all", "test"), by)
            else:
                name = "wiki" if measure is Measure.CLOSE else ""
                await station.emergency.begin(WantedMeasure(measure, "test", name), by)
                await station.emergency.undo(measure, name, "test", by)
        except MayNot:
            return False
        return True

    found = {measure for measure in Measure if await may(measure)}

    admins = {Measure.CLOSE, Measure.STOP_LOGINS}
    assert found == {AdminRole.OWNER: set(Measure), AdminRole.ADMIN: admins}.get(role, set())


async def test_a_worker_follows_it_and_knows_it_without_postgres(station: Station) -> None:
    await station.live.first()
    wanted = WantedMeasure(Measure.CLOSE, "test", "wiki", "Back soon.", station.house.there.now + 60)

    await station.emergency.begin(wanted, ROOT)

    assert await station.live.refresh()
    (closed,) = station.live.emergency.overlay.closed
    assert (closed.name, closed.hosts, closed.words) == ("wiki", ("wiki.example.org",), "Back soon.")
    again = replace(station.live, revision=-1)
    await station.house.pool.close()
    await again.first()
    assert again.emergency.overlay == station.live.emergency.overlay


async def test_its_time_ends_it_and_the_log_says_so(station: Station) -> None:
    there = station.house.there
    await station.emergency.begin(WantedMeasure(Measure.REQUIRE_MFA, "test", until=there.now + 60), ROOT)
    await station.live.refresh()
    assert station.live.emergency.overlay.require_mfa

    there.now += 60

    assert await station.live.refresh()
    assert station.live.emergency.overlay == NO_OVERLAY
    await SettingsAdmin(station.house.acts, {}).expire()
    assert (await station.events("emergency_begun"), await station.events("emergency_ended")) == (1, 1)


async def test_what_is_not_there_is_said(station: Station) -> None:
    for wanted in (WantedMeasure(Measure.CLOSE, "test", "nope"), WantedMeasure(Measure.CLOSE, "test", "wiki", "a\nb")):
        with pytest.raises(BadEmergency):
            await station.emergency.begin(wanted, ROOT)
    with pytest.raises(BadEmergency, match="is not in force"):
        await station.emergency.undo(Measure.STOP_LOGINS, "", "test", ROOT)
    for ends in (
        WantedEnd("app", "test", "nope"),
        WantedEnd("group", "test"),
        WantedEnd("before", "test", before=1 << 40),
    ):
        with pytest.raises(BadEmergency):
            await station.emergency.end_sessions(ends, ROOT)
    assert await station.events("emergency_begun") == 0


async def test_stopped_logins_let_people_with_a_role_in_and_live_ones_go_on(station: Station) -> None:
    await station.add("ada")
    await station.add("sam", AdminRole.SUPPORT)
    ada = await station.house.sign_in("ada")
    current = await station.house.live(ada)

    await station.emergency.begin(WantedMeasure(Measure.STOP_LOGINS, "test"), ROOT)

    with pytest.raises(LoginsStopped):
        await station.house.sign_in("ada")
    assert await station.house.lives(await station.house.sign_in("sam"))
    assert await station.house.lives(ada)
    assert await station.house.lives(await station.house.sign_in("ada", current)), "in the login that lives"
    await station.emergency.undo(Measure.STOP_LOGINS, "", "over", ROOT)
    assert await station.house.lives(await station.house.sign_in("ada"))


async def test_everybody_is_out_but_the_login_of_who_asked(station: Station) -> None:
    olivia = await station.add("olivia", AdminRole.OWNER)
    own, other = await station.house.sign_in("olivia"), await station.house.sign_in("olivia")
    names = ["ada", "bob", "cy", "dee"]
    for name in names:
        await station.add(name)
    tokens = [await station.house.sign_in(name) for name in names]
    assert all([await station.house.lives(one) for one in (own, other, *tokens)])

    by = AskedBy(str(olivia), olivia, own.login_id)
    await station.emergency.end_sessions(WantedEnd("all", "cookies leaked", closes=True), by)
    await station.live.refresh()
    assert station.live.emergency.overlay.closes_all
    await station.ending.work()

    assert await station.house.lives(own)
    assert not any([await station.house.lives(one) for one in (other, *tokens)])
    assert await station.live.refresh()
    assert station.live.emergency.overlay == NO_OVERLAY
    (end,) = (await station.emergency.status()).ends
    assert (end.numbers.logins, end.done, end.ended_at) == (5, 5, station.house.there.now)
    assert await station.house.lives(await station.house.sign_in("ada"))


async def test_a_group_is_out_and_others_go_on_and_older_ones_by_their_time(station: Station) -> None:
    await station.add("ada", groups=("staff",))
    await station.add("bob", groups=("guests",))
    ada, bob = await station.house.sign_in("ada"), await station.house.sign_in("bob")

    await station.emergency.end_sessions(WantedEnd("group", "test", "guests"), ROOT)
    await station.ending.work()
    assert (await station.house.lives(ada), await station.house.lives(bob)) == (True, False)

    station.house.there.now += 60
    later = await station.house.sign_in("ada")
    await station.emergency.end_sessions(WantedEnd("before", "test", before=station.house.there.now), ROOT)
    await station.ending.work()
    assert (await station.house.lives(ada), await station.house.lives(later)) == (False, True)


async def test_what_redis_did_not_hear_it_hears_again(station: Station) -> None:
    """The worker was killed after a commit, before Redis heard of it."""
    await station.add("ada")
    token = await station.house.sign_in("ada")
    assert await station.house.lives(token)
    await station.emergency.end_sessions(WantedEnd("all", "test"), ROOT)
    async with station.house.pool.acquire() as connection:
        now = station.house.there.now
        await connection.execute("UPDATE logins SET ended_at = $1, ended_why = 'emergency'", now)
    assert await station.house.lives(token), "its live copy goes on"

    await station.ending.work()

    assert not await station.house.lives(token)


async def test_owners_hear_of_each(station: Station) -> None:
    await station.house.admin.add(Newcomer("olivia", "", "olivia@example.org", ()), "correct horse battery")
    await RoleAdmin(station.house.acts, "cli:root").grant("olivia", AdminRole.OWNER, None, "first")
    notices = Notices(is_on=True, lifetimes_s={}, random=station.house.there.random)
    emergency = replace(station.emergency, notices=notices)

    await emergency.begin(WantedMeasure(Measure.STOP_LOGINS, "test"), ROOT)
    await emergency.begin(WantedMeasure(Measure.CLOSE, "test", "wiki"), ROOT)

    async with station.house.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 2
