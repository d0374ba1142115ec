"""Owns what is remembered of a person's completed logins, and its stored text.

Each item names the login that taught it, so that a login which turns out to be somebody else's can be unlearnt. The
text is in stored rows: its layout changes only with a new version number.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.risk.places import Point

MOST_NETWORKS: Final = 32
MOST_ADDRESSES: Final = 64
MOST_COUNTRIES: Final = 32
MOST_LANDINGS: Final = 5
MOST_LOGINS: Final = 100
_VERSION: Final = 1
_DECIMALS: Final = 4  # of degrees: 11 m


class CorruptProfile(GatewayError):
    """The text is no profile that this version writes."""


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """A network, address or country. login: the one that taught it. logins: how many had it."""

    value: str
    login: str
    last_at: int
    logins: int


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a login came from. at: Unix seconds."""

    point: Point
    at: int
    login: str


@dataclass(frozen=True, slots=True)
class PastLogin:
    """at: Unix seconds."""

    at: int
    login: str
    new_device: bool


@dataclass(frozen=True, slots=True)
class RiskProfile:
    """The latest come first. since: from when habits are counted; last_at: of the latest login, 0: there was none.

    Unix seconds.
    """

    networks: tuple[SeenPlace, ...] = ()
    addresses: tuple[SeenPlace, ...] = ()
    countries: tuple[SeenPlace, ...] = ()
    landings: tuple[Landing, ...] = ()
    logins: tuple[PastLogin, ...] = ()
    since: int = 0
    last_at: int = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one completed login teaches. network, address, country: "" where they are not known."""

    login: str
    at: int
    network: str
    address: str
    country: str
    point: Point | None
    new_device: bool


def learn(profile: RiskProfile, lesson: Lesson) -> RiskProfile:
    """The profile after that login."""
    landings = profile.landings
    if lesson.point is not None:
        landings = (Landing(lesson.point, lesson.at, lesson.login), *landings)[:MOST_LANDINGS]
    past = PastLogin(lesson.at, lesson.login, lesson.new_device)
    return RiskProfile(
        networks=_saw(profile.networks, lesson.network, lesson, MOST_NETWORKS),
        addresses=_saw(profile.addresses, lesson.address, lesson, MOST_ADDRESSES),
        countries=_saw(profile.countries, lesson.country, lesson, MOST_COUNTRIES),
        landings=landings,
        logins=(past, *profile.logins)[:MOST_LOGINS],
        since=profile.since or lesson.at,
        last_at=max(profile.last_at, lesson.at),
    )


def remembered(profile: RiskProfile, now: int, remember_s: int) -> RiskProfile:
    """Without what is older than that; after so long without a login there is no history."""
    oldest = now - remember_s
    if profile.last_at <= oldest:
        return RiskProfile()
    return replace(
        profile,
        networks=tuple(one for one in profile.networks if one.last_at > oldest),
        addresses=tuple(one for one in profile.addresses if one.last_at > oldest),
        countries=tuple(one for one in profile.countries if one.last_at > oldest),
        landings=tuple(one for one in profile.landings if one.at > oldest),
        logins=tuple(one for one in profile.logins if one.at > oldest),
    )


def unlearn(profile: RiskProfile, logins: Iterable[str]) -> RiskProfile:
    """Without what those logins taught. That there is a history stays: else the next login would count as the first."""
    wrong = frozenset(logins)
    return replace(
        profile,
        networks=tuple(one for one in profile.networks if one.login not in wrong),
        addresses=tuple(one for one in profile.addresses if one.login not in wrong),
        countries=tuple(one for one in profile.countries if one.login not in wrong),
        landings=tuple(one for one in profile.landings if one.login not in wrong),
        logins=tuple(one for one in profile.logins if one.login not in wrong),
    )


def forget_places(profile: RiskProfile) -> RiskProfile:
    """No network, address, country or landing is known any more."""
    return replace(profile, networks=(), addresses=(), countries=(), landings=())


def forget_network(profile: RiskProfile, network: str) -> RiskProfile:
    """With its addresses. Landings go too, since they don't say which network they belong to."""
    around = ip_network(network)
    return replace(
        profile,
        networks=tuple(one for one in profile.networks if one.value != network),
        addresses=tuple(one for one in profile.addresses if not _within(one.value, around)),
        landings=(),
    )


def forget_country(profile: RiskProfile, country: str) -> RiskProfile:
    """Landings go with it."""
    return replace(profile, countries=tuple(one for one in profile.countries if one.value != country), landings=())


def forget_hours(profile: RiskProfile, now: int) -> RiskProfile:
    """Habits are counted anew from now on."""
    return replace(profile, logins=(), since=now)


def _within(address: str, network: IPv4Network | IPv6Network) -> bool:
    """address: as places.address_text has it."""
    return ip_network(address).network_address in network


def _saw(seen: tuple[SeenPlace, ...], value: str, lesson: Lesson, most: int) -> tuple[SeenPlace, ...]:
    if not value:
        return seen
    before = next((one for one in seen if one.value == value), None)
    first, count = (lesson.login, 0) if before is None else (before.login, before.logins)
    others = (one for one in seen if one.value != value)
    return (SeenPlace(value, first, lesson.at, count + 1), *others)[:most]


def write_profile(profile: RiskProfile) -> str:
    """The stored text."""
    fields = {
        "v": _VERSION,
        "since": profile.since,
        "last": profile.last_at,
        "networks": _seen_rows(profile.networks),
        "addresses": _seen_rows(profile.addresses),
        "countries": _seen_rows(profile.countries),
        "landings": [
            [
                round(one.point.latitude, _DECIMALS),
                round(one.point.longitude, _DECIMALS),
                one.point.radius_km,
                one.at,
                one.login,
            ]
            for one in profile.landings
        ],
        "logins": [[one.at, one.login, int(one.new_device)] for one in profile.logins],
    }
    return json.dumps(fields, separators=(",", ":"))


def read_profile(text: str) -> RiskProfile:
    """Raises CorruptProfile."""
    try:
        fields = json.loads(text)
        if fields["v"] != _VERSION:
            raise CorruptProfile(f"a risk profile has version {fields['v']!r}; this version reads {_VERSION}")
        return RiskProfile(
            networks=_read_seen(fields["networks"]),
            addresses=_read_seen(fields["addresses"]),
            countries=_read_seen(fields["countries"]),
            landings=tuple(
                Landing(Point(_degrees(row[0]), _degrees(row[1]), _radius(row[2])), int(row[3]), str(row[4]))
                for row in fields["landings"]
            ),
            logins=tuple(PastLogin(int(at), str(login), bool(new)) for at, login, new in fields["logins"]),
            since=int(fields["since"]),
            last_at=int(fields["last"]),
        )
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise CorruptProfile("a risk profile can't be read") from error


def _seen_rows(seen: Sequence[SeenPlace]) -> list[list[object]]:
    return [[one.value, one.login, one.last_at, one.logins] for one in seen]


def _read_seen(rows: Sequence[Sequence[object]]) -> tuple[SeenPlace, ...]:
    return tuple(
        SeenPlace(str(value), str(login), int(str(last_at)), int(str(logins))) for value, login, last_at, logins in rows
    )


def _degrees(value: object) -> float:
    """Raises ValueError."""
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError("not a coordinate")
    return number


def _radius(value: object) -> float | None:
    return None if value is None else _degrees(value)
