"""Known answers of the score: each factor alone, pairs, missing data, the edges of the Earth and of the clock."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from gateway.core.risk.places import NOWHERE, Point, Spot
from gateway.core.risk.profile import RiskProfile, forget_hours, forget_places, unlearn
from gateway.core.risk.score import RiskFacts, Weights, score, with_breach
from tests.core.risk.people import (
    BERLIN,
    DAY_S,
    EIGHT,
    HOME,
    HOUR_S,
    LISBON,
    settled,
    taught,
)

NEIGHBOUR: Final = ip_address("203.0.113.99")  # of HOME's /24
ELSEWHERE: Final = ip_address("198.51.100.4")
HOME_6: Final = ip_address("2001:db8:1:2::7")
ADA: Final = settled()
AT_HOME: Final = RiskFacts(now=EIGHT, address=HOME, spot=BERLIN, device_known=True)
STRANGE: Final = replace(AT_HOME, device_known=False)


def usual(count: int, *, days: int, off_s: int) -> RiskProfile:
    """count logins over so many days; the first of them off_s seconds from EIGHT o'clock, the others 6 hours away."""
    profile = RiskProfile()
    for number in range(count):
        at = EIGHT - days * DAY_S + number * (days * DAY_S // count) // DAY_S * DAY_S
        profile = taught(profile, at=at + (off_s if number == 0 else 6 * HOUR_S))
    return profile


def new_devices(count: int) -> RiskProfile:
    """Of the last 20 logins so many with a new device."""
    profile = settled(30)
    logins = [replace(one, new_device=index < count) for index, one in enumerate(profile.logins)]
    return replace(profile, logins=tuple(logins))


def landed(point: Point, *, ago_s: int, days: int = 10) -> RiskProfile:
    """A person whose latest login was there; few logins, so that hours say nothing."""
    return taught(settled(days, until=EIGHT - DAY_S), at=EIGHT - ago_s, spot=Spot("DE", point))


def at(latitude: float, longitude: float, radius_km: float | None = 0) -> Point:
    return Point(latitude, longitude, radius_km)


NOWHERE_ELSE: Final = Spot("DE", at(48.14, 11.58))


def used(count: int) -> RiskProfile:
    """Somebody logged in so often from ELSEWHERE, and a moment ago far away from there."""
    profile = settled(10, until=EIGHT - DAY_S)
    for number in range(count):
        profile = taught(profile, at=EIGHT - DAY_S + number, address=ELSEWHERE)
    return taught(profile, at=EIGHT - 60, spot=Spot("DE", at(0, 0)))


def five_times_more(profile: RiskProfile) -> RiskProfile:
    for number in range(5):
        profile = taught(profile, at=EIGHT - 1800 + number, address=ELSEWHERE, spot=NOWHERE_ELSE)
    return replace(profile, networks=tuple(replace(one, logins=1) for one in profile.networks))


@dataclass(frozen=True)
class Case:
    name: str
    expected: Mapping[str, int]
    facts: Mapping[str, Any] = field(default_factory=dict)
    profile: RiskProfile = ADA
    base: RiskFacts = AT_HOME


def travel(name: str, here: Point, there: Point, ago_s: int, *, is_impossible: bool = False) -> Case:
    """A login here, and one there so many seconds later, on a known device in a new network."""
    expected = {"new_network": 4} | ({"impossible_travel": 14} if is_impossible else {})
    facts = {"address": ELSEWHERE, "spot": Spot("DE", there)}
    return Case(name, expected, facts, landed(here, ago_s=ago_s))


CASES: Final = (
    # Nothing, and each factor alone.
    Case("at home", {}),
    Case("new device", {"new_device": 30}, base=STRANGE),
    Case("new address in a known network", {"new_ip": 2}, {"address": NEIGHBOUR}),
    Case("new network", {"new_network": 4}, {"address": ELSEWHERE}),
    Case("new country", {"new_country": 10}, {"spot": Spot("FR")}),
    Case("odd hour", {"odd_hours": 4}, {"now": EIGHT + 12 * HOUR_S}),
    Case("one failure", {"failures": 3}, {"failures": 1}),
    Case("four failures", {"failures": 12}, {"failures": 4}),
    Case("five failures", {"failures": 15}, {"failures": 5}),
    Case("any more failures", {"failures": 15}, {"failures": 10_000}),
    Case("breached", {"breached": 20}, {"breached": True}),
    Case("doubted", {"doubted": 20}, {"doubted": True}),
    Case("anonymising", {"anonymising": 20}, {"anonymising": True}),
    # A strange device: place and time count whole.
    Case("strange, new address", {"new_device": 30, "new_ip": 5}, {"address": NEIGHBOUR}, base=STRANGE),
    Case("strange, new network", {"new_device": 30, "new_network": 10}, {"address": ELSEWHERE}, base=STRANGE),
    Case("strange, new country", {"new_device": 30, "new_country": 25}, {"spot": Spot("FR")}, base=STRANGE),
    Case("strange, odd hour", {"new_device": 30, "odd_hours": 10}, {"now": EIGHT + 12 * HOUR_S}, base=STRANGE),
    Case("strange and breached", {"new_device": 30, "breached": 20}, {"breached": True}, base=STRANGE),
    Case("strange and doubted", {"new_device": 30, "doubted": 20}, {"doubted": True}, base=STRANGE),
    Case("strange and anonymising", {"new_device": 30, "anonymising": 20}, {"anonymising": True}, base=STRANGE),
    Case("strange after failures", {"new_device": 30, "failures": 6}, {"failures": 2}, base=STRANGE),
    Case(
        "strange device abroad",
        {"new_device": 30, "new_network": 10, "new_country": 25},
        {"address": ELSEWHERE, "spot": LISBON},
        base=STRANGE,
    ),
    Case(
        "strange device abroad an hour after a login at home",
        {"new_device": 30, "new_network": 10, "new_country": 25, "impossible_travel": 35},
        {"address": ELSEWHERE, "spot": LISBON},
        profile=taught(ADA, at=EIGHT - HOUR_S),
        base=STRANGE,
    ),
    Case(
        "known device with all of place and time",
        {"new_network": 4, "new_country": 10, "odd_hours": 4, "impossible_travel": 14},
        {"address": ELSEWHERE, "spot": LISBON, "now": EIGHT + 12 * HOUR_S},
        profile=replace(ADA, landings=taught(ADA, at=EIGHT + 11 * HOUR_S).landings),
    ),
    Case("breached and doubted", {"breached": 20, "doubted": 20}, {"breached": True, "doubted": True}),
    Case("breached at a new address", {"new_ip": 2, "breached": 20}, {"address": NEIGHBOUR, "breached": True}),
    # No history.
    Case("first login", {"first_login": 20}, profile=RiskProfile()),
    Case("first login of a strange device abroad", {"first_login": 20}, {"spot": LISBON}, RiskProfile(), STRANGE),
    Case("first login, breached", {"first_login": 20, "breached": 20}, {"breached": True}, RiskProfile()),
    Case("first login after failures", {"first_login": 20, "failures": 15}, {"failures": 9}, RiskProfile()),
    Case("second login", {}, profile=settled(1)),
    Case("second login, strange", {"new_device": 30}, profile=settled(1), base=STRANGE),
    # Missing data.
    Case("address not known", {}, {"address": None}),
    Case("address not known, strange device", {"new_device": 30}, {"address": None}, base=STRANGE),
    Case("no GeoIP file, new network", {"new_network": 4}, {"address": ELSEWHERE, "spot": NOWHERE}),
    Case("no country remembered", {}, {"spot": LISBON}, replace(settled(5), countries=(), landings=())),
    Case("country file: no point", {"new_country": 10}, {"spot": Spot("PT")}, taught(ADA, at=EIGHT - 60)),
    Case("places forgotten", {"new_network": 4}, profile=forget_places(ADA)),
    Case("hours forgotten", {}, {"now": EIGHT + 12 * HOUR_S}, forget_hours(ADA, EIGHT)),
    Case("all unlearnt is no first login", {"new_network": 4}, profile=unlearn(ADA, [p.login for p in ADA.logins])),
    # Addresses.
    Case("10/8", {}, {"address": ip_address("10.1.2.3"), "spot": LISBON}),
    Case("192.168/16", {}, {"address": ip_address("192.168.1.2")}),
    Case("172.16/12 at its end", {}, {"address": ip_address("172.31.255.255")}),
    Case("behind 172.16/12", {"new_network": 4}, {"address": ip_address("172.32.0.0")}),
    Case("100.64/10 at its end", {}, {"address": ip_address("100.127.255.255")}),
    Case("behind 100.64/10", {"new_network": 4}, {"address": ip_address("100.128.0.0")}),
    Case("loopback", {}, {"address": ip_address("127.0.0.1")}),
    Case("loopback of IPv6", {}, {"address": ip_address("::1")}),
    Case("link-local of IPv6", {}, {"address": ip_address("fe80::1")}),
    Case("unique local of IPv6", {}, {"address": ip_address("fd00::1")}),
    Case("IPv4-mapped home", {}, {"address": ip_address("::ffff:203.0.113.7")}),
    Case("IPv4-mapped neighbour", {"new_ip": 2}, {"address": ip_address("::ffff:203.0.113.99")}),
    Case("IPv4-mapped private", {}, {"address": ip_address("::ffff:10.1.2.3")}),
    Case("first of the /24", {"new_ip": 2}, {"address": ip_address("203.0.113.0")}),
    Case("last of the /24", {"new_ip": 2}, {"address": ip_address("203.0.113.255")}),
    Case("behind the /24", {"new_network": 4}, {"address": ip_address("203.0.114.0")}),
    Case("same /64", {}, {"address": ip_address("2001:db8:1:2::99")}, taught(ADA, at=EIGHT - 60, address=HOME_6)),
    Case("same /48", {"new_ip": 2}, {"address": ip_address("2001:db8:1:3::7")}, taught(ADA, at=9, address=HOME_6)),
    Case("other /48", {"new_network": 4}, {"address": ip_address("2001:db8:2::7")}, taught(ADA, at=9, address=HOME_6)),
    Case("network that the operator knows", {}, {"address": ELSEWHERE, "spot": LISBON, "known_network": True}),
    Case("strange there", {"new_device": 30}, {"address": ELSEWHERE, "known_network": True}, base=STRANGE),
    Case("hours count there", {"odd_hours": 4}, {"now": EIGHT + 12 * HOUR_S, "known_network": True}),
    # Habits.
    Case("2 h before is near", {}, {"now": EIGHT - 2 * HOUR_S}),
    Case("2 h and 1 s before is odd", {"odd_hours": 4}, {"now": EIGHT - 2 * HOUR_S - 1}),
    Case("2 h behind is near", {}, {"now": EIGHT + 2 * HOUR_S}),
    Case("2 h and 1 s behind is odd", {"odd_hours": 4}, {"now": EIGHT + 2 * HOUR_S + 1}),
    Case("19 logins are no habit", {}, {"now": EIGHT + 12 * HOUR_S}, settled(19)),
    Case("20 logins are one", {"odd_hours": 4}, {"now": EIGHT + 12 * HOUR_S}, settled(20)),
    Case("14 days are one", {"odd_hours": 4}, {"now": ADA.since + 14 * DAY_S + 12 * HOUR_S}),
    Case(
        "a second less is none",
        {},
        {"now": EIGHT + 12 * HOUR_S},
        replace(ADA, since=EIGHT + 12 * HOUR_S - 14 * DAY_S + 1),
    ),
    Case(
        "a habit to the second",
        {"odd_hours": 4},
        {"now": EIGHT + 12 * HOUR_S},
        replace(ADA, since=EIGHT + 12 * HOUR_S - 14 * DAY_S),
    ),
    Case("1 of 50 is not rare", {}, profile=usual(50, days=50, off_s=0)),
    Case("1 of 51 is rare", {"odd_hours": 2}, profile=usual(51, days=51, off_s=0)),
    Case("1 of 51, strange", {"new_device": 30, "odd_hours": 5}, profile=usual(51, days=51, off_s=0), base=STRANGE),
    Case("none of 51", {"odd_hours": 4}, profile=usual(51, days=51, off_s=-2 * HOUR_S - 1)),
    Case("near over midnight", {}, {"now": EIGHT - 9 * HOUR_S}, settled(30, until=EIGHT - 7 * HOUR_S - 1800)),
    Case("10 new devices of 20", {"new_device": 23}, profile=new_devices(10), base=STRANGE),
    Case("20 new devices of 20", {"new_device": 15}, profile=new_devices(20), base=STRANGE),
    Case("new devices before the last 20 are forgotten", {"new_device": 30}, profile=settled(21), base=STRANGE),
    Case(
        "19 logins, all new",
        {"new_device": 30},
        profile=replace(new_devices(20), logins=new_devices(20).logins[:19]),
        base=STRANGE,
    ),
    # Travel, by the great circle: so far behind the radii of both places, and so fast.
    travel("Berlin to Munich in 10 min", at(52.52, 13.40), at(48.14, 11.58), 600, is_impossible=True),
    travel("Berlin to Munich in 4 h", at(52.52, 13.40), at(48.14, 11.58), 4 * HOUR_S),
    travel("Berlin to Hamburg at once is near", at(52.52, 13.40), at(53.55, 10.00), 0),
    travel("900 km in an hour", at(0, 0), at(8.0938, 0), 3600),
    travel("900 km in a second less", at(0, 0), at(8.0938, 0), 3599, is_impossible=True),
    travel("300 km at once", at(0, 0), at(2.6979, 0), 0),
    travel("301 km at once", at(0, 0), at(2.7070, 0), 0, is_impossible=True),
    travel("clocks of nodes differ", at(0, 0), at(40, 0), -5, is_impossible=True),
    travel(
        "Berlin to Munich by the clock of a node that is 4 h behind", at(52.52, 13.40), at(48.14, 11.58), -4 * HOUR_S
    ),
    travel("over the antimeridian", at(0, 179.9), at(0, -179.9), 0),
    travel("180 degrees are the same from both sides", at(10, 180), at(10, -180), 0),
    travel("far over the antimeridian", at(0, 178), at(0, -178), 600, is_impossible=True),
    travel("over the North Pole", at(89.5, 0), at(89.5, 180), 0),
    travel("around the South Pole", at(-90, 0), at(-90, 123), 0),
    travel("from pole to pole in 22 h", at(90, 0), at(-90, 0), 22 * HOUR_S, is_impossible=True),
    travel("from pole to pole in 23 h", at(90, 0), at(-90, 0), 23 * HOUR_S),
    travel("to the antipode", at(40, -4), at(-40, 176), HOUR_S, is_impossible=True),
    travel("radii that reach", at(0, 0, 350), at(8, 0, 250), 0),
    travel("radii that don't reach", at(0, 0, 340), at(8, 0, 240), 0, is_impossible=True),
    travel("without radii 200 km each: near", at(0, 0, None), at(6.29, 0, None), 0),
    travel("without radii 200 km each: far", at(0, 0, None), at(6.30, 0, None), 0, is_impossible=True),
    travel("no number", at(math.nan, 0), at(40, 0), 0),
    Case(
        "a login before the latest one counts, too",
        {"new_network": 4, "impossible_travel": 14},
        {"address": ELSEWHERE, "spot": BERLIN},
        taught(landed(at(0, 0), ago_s=3600), at=EIGHT - 1800, address=NEIGHBOUR),
    ),
    Case(
        "the sixth before does not",
        {},
        {"address": ELSEWHERE, "spot": NOWHERE_ELSE},
        five_times_more(landed(at(0, 0), ago_s=3600)),
    ),
    Case("third login on a network", {"impossible_travel": 14}, {"address": ELSEWHERE, "spot": NOWHERE_ELSE}, used(2)),
    Case("fourth login on it: the office VPN", {}, {"address": ELSEWHERE, "spot": NOWHERE_ELSE}, used(3)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_has_its_points_and_reasons(case: Case) -> None:
    found = score(replace(case.base, **case.facts), case.profile, Weights())

    assert {reason.factor.value: reason.points for reason in found.reasons} == case.expected
    assert found.points == sum(case.expected.values())
    assert all(reason.words for reason in found.reasons)


def test_no_two_cases_are_one() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_all_of_it_together_is_cut_at_100() -> None:
    facts = replace(
        STRANGE,
        now=EIGHT + 12 * HOUR_S,
        address=ELSEWHERE,
        spot=LISBON,
        failures=5,
        breached=True,
        doubted=True,
        anonymising=True,
    )
    profile = replace(ADA, landings=taught(ADA, at=EIGHT + 11 * HOUR_S).landings)

    found = score(facts, profile, Weights())

    assert sum(reason.points for reason in found.reasons) == 30 + 10 + 25 + 10 + 35 + 15 + 20 + 20 + 20
    assert found.points == 100


def test_a_factor_without_weight_gives_no_reason() -> None:
    found = score(replace(STRANGE, address=NEIGHBOUR, failures=1), ADA, Weights(new_device=0, new_ip=0, failure=0))

    assert found.reasons == ()


def test_each_reason_says_what_it_saw() -> None:
    facts = replace(STRANGE, now=EIGHT + 12 * HOUR_S + 120, address=ELSEWHERE, spot=LISBON, failures=2)
    profile = replace(ADA, landings=taught(ADA, at=EIGHT + 11 * HOUR_S).landings)

    words = {reason.factor.value: reason.words for reason in score(facts, profile, Weights()).reasons}

    assert words == {
        "new_device": "a browser that the account has not used before",
        "new_network": "the network 198.51.100.0/24 is new",
        "new_country": "the country PT is new",
        "impossible_travel": "at least 2272 km from a login 62 min before",
        "odd_hours": "none of 30 logins was within 2 hours of 20:02 UTC",
        "failures": "2 wrong passwords from this address or browser within an hour",
    }


@pytest.mark.parametrize("facts", [AT_HOME, STRANGE, replace(STRANGE, failures=9, anonymising=True)])
@pytest.mark.parametrize("weights", [Weights(), Weights(breached=0), Weights(breached=90)])
def test_a_breach_that_is_known_later_counts_as_one_that_was_known_at_once(facts: RiskFacts, weights: Weights) -> None:
    at_once = score(replace(facts, breached=True), ADA, weights)
    later = with_breach(score(facts, ADA, weights), weights)

    assert (later.points, set(later.reasons)) == (at_once.points, set(at_once.reasons))
