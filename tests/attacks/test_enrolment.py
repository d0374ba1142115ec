"""People whose groups ask for a second factor: reminded first, led to it after the deadline, and never locked out."""

from dataclasses import replace

import pytest

from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.enrolment import Enrolment
from gateway.flows.people.handoff import Go, Handoff, MustEnrol
from gateway.flows.people.own_enrolment import DaysLeft, OwnEnrolment
from tests.attacks.conftest import House
from tests.attacks.phones import enrol, signed_in

DAY = 86_400
RULE = Enrolment(frozenset({"staff", "ops"}), 14 * DAY)


def own(house: House) -> OwnEnrolment:
    return OwnEnrolment(house.acts, RULE)


async def passed_on(house: House, live: LiveLogin, rule: Enrolment = RULE) -> type:
    handoff: Handoff = replace(house.handoff, enrolment=rule)
    return type(await handoff.pass_on(live, house.journey(), None, ""))


async def let_it_be_due_in(house: House, seconds: int) -> None:
    await house.pool.execute("UPDATE enrolments_due SET due_at = $1", house.there.now + seconds)


async def test_the_time_begins_with_the_first_login_and_no_later_one_prolongs_it(house: House) -> None:
    await house.add("ada")
    first = await own(house).left(await signed_in(house, "ada"))

    house.there.now += DAY
    second = await own(house).left(await signed_in(house, "ada"))

    assert (first, second) == (DaysLeft(14), DaysLeft(13))


@pytest.mark.parametrize(("seconds", "days", "leads"), [(1, 1, Go), (0, 0, MustEnrol), (-DAY, 0, MustEnrol)])
async def test_after_the_deadline_a_login_leads_to_enrolment_alone(
    house: House, seconds: int, days: int, leads: type
) -> None:
    await house.add("ada")
    live = await signed_in(house, "ada")
    await own(house).left(live)

    await let_it_be_due_in(house, seconds)

    assert await own(house).left(live) == DaysLeft(days)
    assert await passed_on(house, live) is leads


async def test_who_has_set_one_up_goes_on_and_who_removes_it_is_led_back(house: House) -> None:
    await house.add("ada")
    live = await signed_in(house, "ada")
    assert await passed_on(house, live) is Go
    await let_it_be_due_in(house, -1)

    await enrol(house, live)
    with_factor = await passed_on(house, live)
    await house.pool.execute("DELETE FROM totp")

    assert (with_factor, await own(house).left(live), await passed_on(house, live)) == (Go, DaysLeft(0), MustEnrol)


async def test_people_of_other_groups_are_asked_for_nothing(house: House) -> None:
    await house.add("bob")
    live, rule = await signed_in(house, "bob"), Enrolment(frozenset({"ops"}), 0)

    assert await OwnEnrolment(house.acts, rule).left(live) is None
    assert await passed_on(house, live, rule) is Go
    assert await house.pool.fetchval("SELECT count(*) FROM enrolments_due") == 0
