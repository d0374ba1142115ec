"""What holds of every score, whatever the facts, the profile and the weights are."""

from dataclasses import fields, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.risk.places import Point, Spot
from gateway.core.risk.profile import Landing, PastLogin, RiskProfile, SeenPlace, read_profile, write_profile
from gateway.core.risk.score import RiskFacts, Weights, score
from tests.core.risk.people import BERLIN, HOME, LISBON, settled

_TIMES: Final = st.integers(-(2**40), 2**40) | st.integers(1_790_000_000, 1_810_000_000)
_ANY_FLOAT: Final = st.floats() | st.sampled_from([0.0, 90.0, -90.0, 180.0, -180.0])
_POINTS: Final = st.builds(
    Point,
    st.floats(-90, 90) | _ANY_FLOAT,
    st.floats(-180, 180) | _ANY_FLOAT,
    st.none() | st.floats(0, 1000) | _ANY_FLOAT,
)
_COUNTRIES: Final = st.sampled_from(["", "DE", "PT", "FR"])
_SPOTS: Final = st.builds(Spot, _COUNTRIES, st.none() | _POINTS)
_ADDRESSES: Final = (
    st.none() | st.builds(IPv4Address, st.integers(0, 2**32 - 1)) | st.builds(IPv6Address, st.integers(0, 2**128 - 1))
)
_SEEN: Final = st.lists(
    st.builds(
        SeenPlace,
        st.sampled_from(["203.0.113.0/24", "203.0.113.7", "DE", "PT"]) | st.text(max_size=20),
        st.text(max_size=8),
        _TIMES,
        st.integers(),
    ),
    max_size=8,
).map(tuple)
_PROFILES: Final = st.builds(
    RiskProfile,
    networks=_SEEN,
    addresses=_SEEN,
    countries=_SEEN,
    landings=st.lists(st.builds(Landing, _POINTS, _TIMES, st.text(max_size=8)), max_size=5).map(tuple),
    logins=st.lists(st.builds(PastLogin, _TIMES, st.text(max_size=8), st.booleans()), max_size=60).map(tuple),
    since=_TIMES,
    last_at=st.just(0) | _TIMES,
) | st.sampled_from([RiskProfile(), settled()])
_FACTS: Final = st.builds(
    RiskFacts,
    now=_TIMES,
    address=st.just(HOME) | _ADDRESSES,
    spot=st.sampled_from([BERLIN, LISBON]) | _SPOTS,
    device_known=st.booleans(),
    failures=st.integers(-3, 10_000),
    breached=st.booleans(),
    doubted=st.booleans(),
    anonymising=st.booleans(),
    known_network=st.booleans(),
)
_WEIGHTS: Final = st.builds(Weights, **{one.name: st.integers(0, 100) for one in fields(Weights)}) | st.just(Weights())
_EVIDENCE: Final = (
    ("device_known", False),
    ("failures", 10_001),
    ("breached", True),
    ("doubted", True),
    ("anonymising", True),
    ("known_network", False),
)


@given(_FACTS, _PROFILES, _WEIGHTS)
def test_every_attempt_has_a_score_from_0_to_100(facts: RiskFacts, profile: RiskProfile, weights: Weights) -> None:
    found = score(facts, profile, weights)

    assert 0 <= found.points <= 100
    assert found.points == min(100, sum(reason.points for reason in found.reasons))
    assert all(reason.points > 0 for reason in found.reasons)
    assert len(set(found.factors)) == len(found.factors)


@given(_FACTS, _PROFILES, _WEIGHTS, st.sampled_from(_EVIDENCE))
def test_more_evidence_never_lowers_it(
    facts: RiskFacts, profile: RiskProfile, weights: Weights, more: tuple[str, object]
) -> None:
    name, value = more
    worse = replace(facts, **{name: value})  # type: ignore[arg-type] # one of _EVIDENCE

    assert score(worse, profile, weights).points >= score(facts, profile, weights).points


@given(_FACTS, _PROFILES)
def test_place_and_time_never_ask_more_of_a_known_device(facts: RiskFacts, profile: RiskProfile) -> None:
    alone = replace(facts, device_known=True, failures=0, breached=False, doubted=False, anonymising=False)

    assert score(alone, profile, Weights()).points <= 32


@given(_PROFILES.filter(lambda one: all(abs(p.point.latitude) < 1e6 for p in one.landings)))
def test_a_profile_that_is_read_back_scores_the_same(profile: RiskProfile) -> None:
    facts = RiskFacts(now=1_800_000_000, address=HOME, spot=BERLIN)
    finite = replace(profile, landings=tuple(one for one in profile.landings if _is_finite(one.point)))

    again = read_profile(write_profile(finite))

    assert score(facts, again, Weights()).factors == score(facts, finite, Weights()).factors


def _is_finite(point: Point) -> bool:
    return all(number - number == 0 for number in (point.latitude, point.longitude, point.radius_km or 0.0))
