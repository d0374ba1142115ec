"""Owns the score of a login: a sum of factors, cut at 100, each with its reason in words.

Total: any facts and any profile have a score. More evidence never lowers it. A known device lowers what place and time
count for, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.addresses import Address
from gateway.core.risk.places import NOWHERE, Point, Spot, address_text, distance_km, network_text, public_address
from gateway.core.risk.profile import RiskProfile
from gateway.core.units import DAY_S, HOUR_S, MINUTE_S

MOST_POINTS: Final = 100
HABIT_LOGINS: Final = 20  # habits count from so many logins on
_HABIT_S: Final = 14 * DAY_S
_NEAR_HOUR_S: Final = 2 * HOUR_S
_RARE: Final = 50  # of so many logins one is rare: 2 %
_FAR_KM: Final = 300
_FASTEST_KMH: Final = 900
_USUAL_RADIUS_KM: Final = 200
_USUAL_NETWORK_LOGINS: Final = 3
_KNOWN_DEVICE: Final = (2, 5)  # the share of place and time


class Factor(Enum):
    """The values are in stored entries and in configurations: they never change."""

    FIRST_LOGIN = "first_login"
    NEW_DEVICE = "new_device"
    NEW_IP = "new_ip"
    NEW_NETWORK = "new_network"
    NEW_COUNTRY = "new_country"
    ODD_HOURS = "odd_hours"
    IMPOSSIBLE_TRAVEL = "impossible_travel"
    FAILURES = "failures"
    BREACHED = "breached"
    DOUBTED = "doubted"
    ANONYMISING = "anonymising"


@dataclass(frozen=True, slots=True)
class Weights:
    """Points, 0 to 100 each. rare_hours: some logins were near this hour, and fewer than 2 %.

    failure: for each one; failures: for all of them together, at most.
    """

    first_login: int = 20
    new_device: int = 30
    new_ip: int = 5
    new_network: int = 10
    new_country: int = 25
    rare_hours: int = 5
    odd_hours: int = 10
    impossible_travel: int = 35
    failure: int = 3
    failures: int = 15
    breached: int = 20
    doubted: int = 20
    anonymising: int = 20


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What is known of one attempt. now: Unix seconds. address: None where it is not known.

    failures: wrong passwords of the last hour from this address or device, on any account.
    known_network: the operator vouches for the network, so place gives no points.
    """

    now: int
    address: Address | None
    spot: Spot = NOWHERE
    device_known: bool = False
    failures: int = 0
    breached: bool = False
    doubted: bool = False
    anonymising: bool = False
    known_network: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """words: hold personal data such as the network."""

    factor: Factor
    points: int
    words: str


@dataclass(frozen=True, slots=True)
class Score:
    """points: 0 to 100, the sum of the reasons where they are no more than that."""

    points: int
    reasons: tuple[Reason, ...]

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(reason.factor.value for reason in self.reasons)


def score(facts: RiskFacts, profile: RiskProfile, weights: Weights) -> Score:
    """profile: without what is too old (profile.remembered)."""
    reasons = tuple(reason for reason in _reasons(facts, profile, weights) if reason.points > 0)
    return Score(min(MOST_POINTS, sum(reason.points for reason in reasons)), reasons)


def with_breach(scored: Score, weights: Weights) -> Score:
    """What score says where the password is known to be breached only after it was right."""
    if not weights.breached:
        return scored
    return Score(min(MOST_POINTS, scored.points + weights.breached), (*scored.reasons, _breached(weights)))


def known_device_share(weights: Weights) -> int:
    """The most that place and time can count for on a known device."""
    place = max(weights.new_ip, weights.new_network)
    time = max(weights.rare_hours, weights.odd_hours)
    return sum(map(_lessened, (place, weights.new_country, time, weights.impossible_travel)))


def _reasons(facts: RiskFacts, profile: RiskProfile, weights: Weights) -> Iterator[Reason]:
    if not profile.last_at:
        yield Reason(Factor.FIRST_LOGIN, weights.first_login, "the first login of the account")
    else:
        if not facts.device_known:
            yield _new_device(profile, weights)
        for reason in _place_and_time(facts, profile, weights):
            yield _on_known_device(reason) if facts.device_known else reason
    yield from _of_the_attempt(facts, weights)


def _of_the_attempt(facts: RiskFacts, weights: Weights) -> Iterator[Reason]:
    if facts.failures > 0:
        points = min(weights.failures, weights.failure * facts.failures)
        passwords = "password" if facts.failures == 1 else "passwords"
        words = f"{facts.failures} wrong {passwords} from this address or browser within an hour"
        yield Reason(Factor.FAILURES, points, words)
    if facts.breached:
        yield _breached(weights)
    if facts.doubted:
        yield Reason(Factor.DOUBTED, weights.doubted, "somebody else knew the password lately")
    if facts.anonymising:
        yield Reason(Factor.ANONYMISING, weights.anonymising, "the address is in a list of anonymising networks")


def _breached(weights: Weights) -> Reason:
    return Reason(Factor.BREACHED, weights.breached, "the password is in a collection of breached passwords")


def _new_device(profile: RiskProfile, weights: Weights) -> Reason:
    """A person who often brings new devices gets fewer points for one, at least half."""
    points, words = weights.new_device, "a browser that the account has not used before"
    latest = profile.logins[:HABIT_LOGINS]
    if len(latest) == HABIT_LOGINS:
        new = sum(one.new_device for one in latest)
        points -= points * new // (2 * HABIT_LOGINS)
        if new:
            words += f"; {new} of the last {HABIT_LOGINS} logins had a new one, too"
    return Reason(Factor.NEW_DEVICE, points, words)


def _place_and_time(facts: RiskFacts, profile: RiskProfile, weights: Weights) -> Iterator[Reason]:
    address = public_address(facts.address)
    if address is not None and not facts.known_network:
        yield from _place(facts, address, profile, weights)
    yield from _hour(facts.now, profile, weights)


def _place(facts: RiskFacts, address: Address, profile: RiskProfile, weights: Weights) -> Iterator[Reason]:
    network, country = network_text(address), facts.spot.country
    used = next((one.logins for one in profile.networks if one.value == network), 0)
    if not used:
        yield Reason(Factor.NEW_NETWORK, weights.new_network, f"the network {network} is new")
    elif all(one.value != address_text(address) for one in profile.addresses):
        yield Reason(Factor.NEW_IP, weights.new_ip, f"a new address in the known network {network}")
    if country and profile.countries and all(one.value != country for one in profile.countries):
        yield Reason(Factor.NEW_COUNTRY, weights.new_country, f"the country {country} is new")
    if facts.spot.point is not None and used < _USUAL_NETWORK_LOGINS:
        yield from _travel(facts.spot.point, facts.now, profile, weights)


def _travel(point: Point, now: int, profile: RiskProfile, weights: Weights) -> Iterator[Reason]:
    """One reason at most: the fastest of the journeys from the latest logins that nobody can make."""
    journeys = [(_beyond_km(point, one.point), abs(now - one.at)) for one in profile.landings]
    impossible = [(km, s) for km, s in journeys if km > _FAR_KM and km * HOUR_S > _FASTEST_KMH * s]
    if impossible:
        km, elapsed_s = max(impossible, key=lambda one: one[0] / max(one[1], 1))
        words = f"at least {km:.0f} km from a login {elapsed_s // MINUTE_S} min before"
        yield Reason(Factor.IMPOSSIBLE_TRAVEL, weights.impossible_travel, words)


def _beyond_km(one: Point, other: Point) -> float:
    return distance_km(one, other) - _radius_km(one) - _radius_km(other)


def _radius_km(point: Point) -> float:
    return _USUAL_RADIUS_KM if point.radius_km is None else point.radius_km


def _hour(now: int, profile: RiskProfile, weights: Weights) -> Iterator[Reason]:
    count = len(profile.logins)
    if count < HABIT_LOGINS or now - profile.since < _HABIT_S:
        return
    time_of_day = now % DAY_S
    apart_s = [abs(time_of_day - one.at % DAY_S) for one in profile.logins]
    near = sum(not _NEAR_HOUR_S < one < DAY_S - _NEAR_HOUR_S for one in apart_s)
    clock = f"{now // HOUR_S % 24:02}:{now // MINUTE_S % 60:02} UTC"
    if not near:
        yield Reason(Factor.ODD_HOURS, weights.odd_hours, f"none of {count} logins was within 2 hours of {clock}")
    elif near * _RARE < count:
        yield Reason(Factor.ODD_HOURS, weights.rare_hours, f"{near} of {count} logins was within 2 hours of {clock}")


def _on_known_device(reason: Reason) -> Reason:
    words = f"{reason.words}; two fifths of the points, because the browser is known"
    return Reason(reason.factor, _lessened(reason.points), words)


def _lessened(points: int) -> int:
    share, whole = _KNOWN_DEVICE
    return points * share // whole
