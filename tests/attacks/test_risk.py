"""Each login is scored by what was learnt of its person, and only who has logged in teaches (threats.md L14)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from gateway.core.login.attempt import Typed
from gateway.core.login.outcome import LoginRules
from gateway.core.login.throttle import LoginLimits
from gateway.core.ratelimit.gcra import Limit
from gateway.core.risk.device import device_digest
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import BlockedLogin, Login, LoginAnswer, Throttled, Wrong
from gateway.flows.people.risk import Source
from gateway.flows.people.throttle import LoginThrottle
from tests.attacks.conftest import BUCKET_NAMES, PASSWORD, House
from tests.core.forward.setting import KEYS
from tests.mmdb import city, write_mmdb
from tests.risks import REMEMBER_S, risk_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
HOME, ABROAD = "203.0.113.7", "198.51.100.4"
DAY_S, HOUR_S = 86_400, 3_600


@dataclass
class Browser:
    """What one browser brings along; its cookie is kept."""

    house: House
    login: Login
    address: str = HOME
    user_agent: str = FIREFOX
    cookie: str = ""

    async def try_in(self, name: str = "ada", password: str = PASSWORD) -> LoginAnswer:
        visit = Visit(ip_address(self.address) if self.address else None, self.user_agent, self.cookie, "")
        outcome = await self.login.attempt(Typed(name, password, keep=False), visit, None)
        if isinstance(outcome, SignedIn):
            self.cookie = outcome.device
        return outcome

    async def score(self, name: str = "ada") -> dict[str, Any]:
        """Of a login that is made: what its audit entry says."""
        assert isinstance(await self.try_in(name), SignedIn)
        return (await entries(self.house))[-1]


async def entries(house: House, kind: str = "login") -> Sequence[dict[str, Any]]:
    """Details, the latest last."""
    async with house.pool.acquire() as connection:
        rows = await connection.fetch("SELECT detail FROM audit_entries WHERE kind = $1 ORDER BY id", kind)
    return [json.loads(row["detail"]) for row in rows]


def scored(detail: dict[str, Any]) -> tuple[int, list[str]]:
    return detail["score"], detail["factors"]


@pytest.fixture
async def ada(house: House) -> House:
    await house.add("ada")
    return house


def browser(house: House, **more: Any) -> Browser:
    return Browser(house, house.login, **more)


def with_risk(house: House, **options: Any) -> Login:
    risk = risk_of(house.acts, KEYS, **options)
    return replace(house.login, risk=risk, issuing=replace(house.login.issuing, risk=risk))


async def test_the_score_and_its_factors_are_in_the_entry_and_the_session(ada: House) -> None:
    own, strange = browser(ada), browser(ada, address=ABROAD)

    found = [scored(await one.score()) for one in (own, own, strange, strange)]

    assert found == [(20, ["first_login"]), (0, []), (40, ["new_device", "new_network"]), (0, [])]
    async with ada.pool.acquire() as connection:
        assert {row["risk"] for row in await connection.fetch("SELECT risk FROM sessions")} == {0, 20, 40}


async def test_a_wrong_password_is_scored_and_teaches_nothing(ada: House) -> None:
    await browser(ada).score()
    thief = browser(ada, address=ABROAD)

    for _ in range(2):
        assert isinstance(await thief.try_in(password="wrong"), Wrong)

    failed = [scored(one) for one in await entries(ada, "login_failed")]
    assert failed == [(40, ["new_device", "new_network"]), (43, ["new_device", "new_network", "failures"])]
    assert scored(await thief.score()) == (46, ["new_device", "new_network", "failures"])


async def test_a_name_that_nobody_has_is_not_scored(ada: House) -> None:
    await browser(ada).try_in("nobody")

    (entry,) = await entries(ada, "login_failed")
    assert "score" not in entry
    assert "factors" not in entry


async def test_wrong_passwords_count_for_all_accounts_of_an_address_or_a_device(ada: House) -> None:
    await ada.add("eve")
    own = browser(ada)
    await own.score()
    for _ in range(3):
        await browser(ada, address=ABROAD).try_in("eve", "wrong")
        await own.try_in("nobody", "wrong")

    of_device = scored(await replace(own, address="198.51.100.99").score())
    of_address = scored(await browser(ada, address=ABROAD).score())

    assert of_device == (4 + 9, ["new_network", "failures"])
    assert of_address == (30 + 5 + 9, ["new_device", "new_ip", "failures"])


async def test_they_count_for_an_hour(ada: House) -> None:
    own = browser(ada)
    await own.score()
    await own.try_in(password="wrong")

    ada.there.now += HOUR_S - 1
    before = await own.score()
    ada.there.now += 1
    after = await own.score()

    assert (scored(before), scored(after)) == ((3, ["failures"]), (0, []))


async def test_where_many_share_an_address_wrong_passwords_of_one_count_for_nobody(ada: House) -> None:
    for option in ("named", "known"):
        login = with_risk(ada, **{option: ["203.0.113.0/24"]})
        own = Browser(ada, login)
        await own.score()
        for _ in range(3):
            await own.try_in(password="wrong")

        assert scored(await own.score()) == (0, [])


async def test_a_stolen_cookie_in_another_browser_is_a_new_device(ada: House) -> None:
    own = browser(ada)
    await own.score()
    thief = browser(ada, cookie=own.cookie, user_agent=CHROME)

    assert scored(await thief.score()) == (30, ["new_device"])
    assert scored(await own.score()) == (0, [])


async def test_a_device_is_of_one_person(ada: House) -> None:
    await ada.add("eve")
    shared = browser(ada)
    await shared.score("ada")
    await browser(ada).score("eve")

    assert scored(await shared.score("eve")) == (30, ["new_device"])


async def test_no_device_is_remembered_in_a_shared_network(ada: House) -> None:
    kiosk = Browser(ada, with_risk(ada, shared=["203.0.113.0/28"]))

    found = [scored(await kiosk.score()) for _ in range(3)]

    assert found == [(20, ["first_login"]), (30, ["new_device"]), (30, ["new_device"])]
    async with ada.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM devices") == 0


async def test_what_is_not_used_is_forgotten_on_the_second(ada: House) -> None:
    own = browser(ada)
    await own.score()

    ada.there.now += REMEMBER_S - 1
    known = scored(await own.score())
    ada.there.now += REMEMBER_S
    anew = scored(await own.score())

    assert (known, anew) == ((0, []), (20, ["first_login"]))


async def test_places_come_from_the_geoip_file(ada: House, tmp_path: Path) -> None:
    records = {"203.0.113.0/24": city("DE", 52.52, 13.4), "198.51.100.0/24": city("PT", 38.72, -9.14)}
    exits = tmp_path / "exits.txt"
    exits.write_text(f"{ABROAD}\n")
    login = with_risk(ada, geoip=write_mmdb(tmp_path / "city.mmdb", records), anonymising=[exits])
    await Browser(ada, login).score()

    ada.there.now += HOUR_S
    thief = await Browser(ada, login, address=ABROAD).try_in()

    (entry,) = await entries(ada, "login_blocked")
    login.risk.geoip.close()
    assert thief == BlockedLogin("risk")
    assert scored(entry) == (100, ["new_device", "new_network", "new_country", "impossible_travel", "anonymising"])


@pytest.mark.parametrize(("block_at", "is_blocked"), [(40, True), (41, False)])
async def test_a_score_that_is_too_high_signs_nobody_in_and_teaches_nothing(
    ada: House, block_at: int, is_blocked: bool
) -> None:
    login = replace(ada.login, rules=LoginRules(step_up_at=40, block_at=block_at, without_factor="admit"))
    own, thief = Browser(ada, login), Browser(ada, login, address=ABROAD)
    await own.score()

    outcomes = [await thief.try_in() for _ in range(2)]

    blocked = [(one["reason"], *scored(one)) for one in await entries(ada, "login_blocked")]
    strange = ["new_device", "new_network"]
    assert [one == BlockedLogin("risk") for one in outcomes] == [is_blocked] * 2
    assert len(await entries(ada)) == (1 if is_blocked else 3)
    assert blocked == ([("risk", 40, strange), ("risk", 63, [*strange, "failures", "doubted"])] if is_blocked else [])
    assert scored(await own.score()) == ((20, ["doubted"]) if is_blocked else (0, []))
    async with ada.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM devices") == (1 if is_blocked else 2)


async def test_whoever_is_blocked_pays_as_for_a_wrong_password(ada: House) -> None:
    limits = LoginLimits.of(BUCKET_NAMES, Limit("AUTH.LOGIN", 10, 36_000_000_000, 3))
    throttle = LoginThrottle(ada.login.throttle.buckets, lambda: limits)
    login = replace(ada.login, rules=LoginRules(step_up_at=30, block_at=30), throttle=throttle)
    own = Browser(ada, login)
    await own.score()  # a new device pays for its address once

    stolen = [await Browser(ada, login, cookie=own.cookie, user_agent=CHROME).try_in() for _ in range(2)]
    next_one = await Browser(ada, login).try_in()

    assert stolen == [BlockedLogin("risk")] * 2
    assert isinstance(next_one, Throttled)


async def test_a_network_that_the_operator_knows_teaches_no_place(ada: House, tmp_path: Path) -> None:
    """Its way out may be in another country than its people."""
    records = {"203.0.113.0/24": city("DE", 52.52, 13.4), "198.51.100.0/24": city("PT", 38.72, -9.14)}
    geoip = write_mmdb(tmp_path / "city.mmdb", records)
    own = Browser(ada, with_risk(ada, geoip=geoip, known=["203.0.113.0/24"]))
    await own.score()

    own.address = ABROAD
    found = scored(await own.score())

    own.login.risk.geoip.close()
    assert found == (4, ["new_network"])


async def test_what_a_login_taught_can_be_unlearnt(ada: House) -> None:
    own, thief = browser(ada), browser(ada, address=ABROAD)
    await own.score()
    login = (await thief.score())["login"]

    async with ada.acts.begin() as act:
        user = await act.users.find_by_name("ada")
        assert user is not None
        await ada.login.risk.unlearn(act, user.id, [login])
        assert await act.devices.forget(user.id, device_digest(thief.cookie[3:25], FIREFOX))

    assert scored(await thief.score()) == (40, ["new_device", "new_network"])
    assert scored(await own.score()) == (0, [])


async def test_a_device_is_settled_after_seven_days_and_two_logins(ada: House) -> None:
    own = browser(ada)
    risk, seen = ada.login.risk, []

    async def settled() -> bool:
        async with ada.acts.begin() as act:
            user = await act.users.find_by_name("ada")
            assert user is not None
            source = Source(ip_address(own.address), own.user_agent, own.cookie[3:25])
            return (await risk.assess(act, user.id, source)).is_settled(act.now)

    begun = ada.there.now
    seen.append(await settled())
    await own.score()
    ada.there.now = begun + 7 * DAY_S
    seen.append(await settled())
    ada.there.now = begun + 60
    await own.score()
    ada.there.now = begun + 7 * DAY_S - 1
    seen.append(await settled())
    ada.there.now = begun + 7 * DAY_S
    seen.append(await settled())

    assert seen == [False, False, False, True]


async def test_right_passwords_are_observed_and_wrong_ones_are_not(ada: House) -> None:
    observed: list[int] = []
    own = Browser(ada, with_risk(ada, observe=observed.append))

    await own.score()
    await own.try_in(password="wrong")
    await own.try_in("nobody")

    assert observed == [20]


async def test_the_leader_forgets_what_is_too_old(ada: House) -> None:
    own = browser(ada)
    await own.score()
    await own.try_in(password="wrong")
    tables = ("devices", "risk_profiles", "login_failures")
    counted = f"SELECT {', '.join(f'(SELECT count(*) FROM {table})' for table in tables)}"

    ada.there.now += REMEMBER_S - 1
    await ada.login.risk.forget_old()
    async with ada.pool.acquire() as connection:
        before = tuple(await connection.fetchrow(counted) or ())
    ada.there.now += 1
    await ada.login.risk.forget_old()
    async with ada.pool.acquire() as connection:
        after = tuple(await connection.fetchrow(counted) or ())

    assert (before, after) == ((1, 1, 0), (0, 0, 0))


@pytest.mark.parametrize(
    ("user_agent", "known", "points"),
    [(FIREFOX, None, 4), (CHROME, None, 40), ("", None, 40), (FIREFOX, False, 40), (CHROME, True, 4)],
)
async def test_what_a_login_would_score_is_what_it_scores(
    ada: House, user_agent: str, known: bool | None, points: int
) -> None:
    own = browser(ada)
    await own.score()
    source = Source(ip_address(ABROAD), user_agent, "")

    supposed = await ada.login.risk.suppose("ada", source, ada.there.now, device_known=known)

    assert supposed.score.points == points
    assert len(await entries(ada)) == 1
