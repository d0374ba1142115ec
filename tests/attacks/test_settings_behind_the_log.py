"""Settings whose rows were written behind the log: who can write to the database opens a closed app, or widens a limit
(threats.md D5).
"""

import pytest

from gateway.core.admin.emergency import Measure
from gateway.core.admin.live_limits import typed
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.admin.emergency import AskedBy, EmergencyAdmin, WantedEnd, WantedMeasure
from gateway.flows.admin.live_settings import SettingsAdmin, WantedLimit
from gateway.flows.evidence.cross_check import cross_check
from gateway.flows.mail.notices import NO_NOTICES
from tests.attacks.conftest import House
from tests.core.forward.setting import POLICY

MINUTE_US = 60_000_000
LIMITS = {name: Limit(name, 10, MINUTE_US, 10) for name in ("AUTH.LOGIN", "AUTH.LINK", "AUTH.KEY", "AUTH.FACTOR")}
ROOT = AskedBy("cli:root")
BEHIND = {
    "nothing": ("SELECT 1", []),
    "a wider limit": (
        """UPDATE settings SET value = replace(value, '20/min', '900/min') WHERE key = 'limits.AUTH.LOGIN'""",
        ["settings limits.AUTH.LOGIN: value is '"],
    ),
    "a limit as in the file again": (
        "DELETE FROM settings WHERE key = 'limits.AUTH.LOGIN'",
        ["settings limits.AUTH.LOGIN: the row is gone"],
    ),
    "a limit of its own": (
        """INSERT INTO settings SELECT 'limits.AUTH.TOTP', value, NULL, revision, changed_at, changed_by FROM settings
            WHERE key = 'limits.AUTH.LOGIN'""",
        ["settings limits.AUTH.TOTP: no entry tells of this row"],
    ),
    "an app that opens": (
        "DELETE FROM settings WHERE key = 'emergency.close.wiki'",
        ["settings emergency.close.wiki: the row is gone"],
    ),
    "an app that opens soon": (
        "UPDATE settings SET until = 1 WHERE key = 'emergency.close.wiki'",
        ["settings emergency.close.wiki: until is 1, and the log says None"],
    ),
}


async def differing(house: House) -> list[str]:
    return [line for line in await cross_check(house.pool) if line.startswith("settings ")]


@pytest.fixture
async def changed(house: House) -> House:
    """One limit is changed, one for some time that is over, one as the file says; one was put back; wiki is closed."""
    settings, emergency = SettingsAdmin(house.acts, LIMITS), EmergencyAdmin(house.acts, NO_NOTICES, lambda: POLICY)
    over = house.there.now + 60
    for name, rate, until in (
        ("AUTH.LOGIN", "20/min", None),
        ("AUTH.LINK", "30/min", over),
        ("AUTH.KEY", "40/min", None),
        ("AUTH.FACTOR", "10/min", None),
    ):
        await settings.change(WantedLimit(name, typed(rate, ""), until, "test", 0), "cli:root")
    await settings.change(WantedLimit("AUTH.KEY", None, None, "test", 3), "cli:root")
    for measure, name in ((Measure.CLOSE, "wiki"), (Measure.STOP_LOGINS, "")):
        await emergency.begin(WantedMeasure(measure, "test", name), ROOT)
    await emergency.undo(Measure.STOP_LOGINS, "", "test", ROOT)
    await emergency.end_sessions(WantedEnd("all", "test"), ROOT)
    house.there.now = over + 1
    await settings.expire()
    return house


@pytest.mark.parametrize(("statement", "found"), BEHIND.values(), ids=BEHIND)
async def test_a_setting_that_differs_from_the_log_is_named(changed: House, statement: str, found: list[str]) -> None:
    async with changed.pool.acquire() as connection:
        await connection.execute(statement)

    differences = await differing(changed)

    assert len(differences) == len(found)
    assert all(line.startswith(start) for line, start in zip(differences, found, strict=True))
