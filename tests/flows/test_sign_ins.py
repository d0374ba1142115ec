"""Sign-ins by hour, as the leader counts them from the audit log."""

from uuid import UUID

import pytest

from gateway.core.audit.catalogue import LoggedIn, LoginFailed
from gateway.core.audit.event import Event
from gateway.core.audit.login_events import LoginBlocked
from gateway.core.pictures.sign_ins import SHOWN
from gateway.core.units import DAY_S, HOUR_S
from gateway.flows.act import Acts
from gateway.flows.admin.sign_ins import SignIns
from gateway.stores.postgres.users import NewUser
from tests.acting import acts_of
from tests.conftest import Clock, Pool

ADA = UUID(int=1)
LOW, RAISED, HIGH, UNSCORED, FAILED, BLOCKED = SHOWN


def signed_in(score: int | None) -> LoggedIn:
    return LoggedIn(ADA, "x", score=score)


@pytest.fixture
async def acts(pool: Pool) -> Acts:
    acts = acts_of(pool, Clock())
    async with acts.begin() as act:
        await act.users.add(NewUser(ADA, "ada", "", "", (), "x"), act.now)
    return acts


async def tell(acts: Acts, at: int, *events: Event) -> None:
    async with acts.begin(at=at) as act:
        for event in events:
            act.record(event)


async def test_each_is_counted_once_by_its_hour_its_outcome_and_its_score(acts: Acts) -> None:
    now = acts.clock()
    hour = now // HOUR_S * HOUR_S
    signs, failed = SignIns(acts), LoginFailed(ADA, None, "", "", score=90)
    await tell(acts, now, *map(signed_in, (0, 39, 40, 69, 70, 100, None)), failed)
    await tell(acts, hour - 1, signed_in(1), LoginBlocked(ADA, "risk", 80, (), "", ""))
    await tell(acts, hour - 7 * DAY_S, signed_in(1))
    await signs.count()
    await tell(acts, hour - 1, signed_in(2))  # committed late

    await signs.count()
    await signs.count()

    found = await signs.last_week()
    assert {name: numbers[-2:] for name, numbers in found.series.items()} == {
        LOW: (2, 2), RAISED: (0, 2), HIGH: (0, 2), UNSCORED: (0, 1), FAILED: (0, 1), BLOCKED: (1, 0)
    }  # fmt: skip
    assert sum(map(sum, found.series.values())) == 11, "nothing of a week ago"
    assert found.times[-1] == hour
