"""A made-up population that logs in day by day, and six ways in which somebody with the password attacks it.

It shows that the weights do what they say, and no more: real people differ.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from random import Random
from typing import Final

from gateway.core.risk.device import device_digest
from gateway.core.risk.places import Point, Spot, address_text, network_text
from gateway.core.risk.profile import Lesson, RiskProfile, learn, remembered
from gateway.core.risk.score import RiskFacts, Weights, score

DAY_S: Final = 86_400
DAYS: Final = 60
ATTACKED_ON: Final = 45
START: Final = 1_790_000_000 // (7 * DAY_S) * 7 * DAY_S
STEP_UP_AT: Final = 40
BLOCK_AT: Final = 70
BROWSERS: Final = ("Firefox/1", "Chrome/1", "Safari/1", "Edg/1")
CITIES: Final = {
    "berlin": Spot("DE", Point(52.52, 13.40, 20)),
    "munich": Spot("DE", Point(48.14, 11.58, 20)),
    "hamburg": Spot("DE", Point(53.55, 10.00, 20)),
    "frankfurt": Spot("DE", Point(50.11, 8.68, 200)),  # where mobile networks seem to be
    "vienna": Spot("AT", Point(48.21, 16.37, 20)),
    "lisbon": Spot("PT", Point(38.72, -9.14, 50)),
    "rome": Spot("IT", Point(41.90, 12.50, 50)),
    "london": Spot("GB", Point(51.51, -0.13, 50)),
    "boston": Spot("US", Point(42.36, -71.06, 50)),
    "lagos": Spot("NG", Point(6.52, 3.38, 200)),
}
HOMES: Final = ("berlin", "berlin", "munich", "hamburg", "vienna")
TRIPS: Final = ("lisbon", "rome", "london", "boston", "hamburg", "vienna")


@dataclass(frozen=True)
class Place:
    """A network with its first address."""

    network: int
    city: str

    def address(self, host: int) -> IPv4Address:
        return IPv4Address(self.network + host)


CARRIERS: Final = tuple(Place(0x5080_0000 + number * 256, "frankfurt") for number in range(6))


@dataclass(frozen=True)
class Device:
    """mobile: may be on a mobile network. since: the day on which it is first used."""

    cookie: str
    browser: str
    mobile: bool
    since: int


@dataclass
class Somebody:
    """usual_hour: of the first login of a day, UTC. forgetful: their browser keeps no cookies."""

    random: Random
    home: Place
    office: Place
    vpn: Place | None
    devices: list[Device]
    usual_hour: float
    forgetful: bool
    trip: range
    hotel: Place
    host: int
    profile: RiskProfile = field(default_factory=RiskProfile)
    known: set[bytes] = field(default_factory=set)
    lost: Counter[Device] = field(default_factory=Counter)  # how often the device lost its cookie

    def digest(self, device: Device, browser: str = "") -> bytes:
        """browser: another one that has its cookies."""
        return device_digest(f"{device.cookie} {self.lost[device]}", browser or device.browser)


@dataclass
class Tally:
    """Of logins: how many there were, were asked for more, were blocked."""

    all: int = 0
    asked: int = 0
    blocked: int = 0

    def add(self, points: int) -> None:
        self.all += 1
        self.asked += STEP_UP_AT <= points < BLOCK_AT
        self.blocked += points >= BLOCK_AT

    def stopped(self) -> float:
        """The share that was asked or blocked."""
        return (self.asked + self.blocked) / max(1, self.all)


@dataclass
class Replayed:
    """honest: by "first 14 days", "days 15 to 30", "after day 30". attacks: by name."""

    honest: dict[str, Tally]
    attacks: dict[str, Tally]


def replay(people: int, seed: int = 1) -> Replayed:
    """Everybody for DAYS days; each is attacked once in each way, which teaches nothing."""
    honest = {name: Tally() for name in ("first 14 days", "days 15 to 30", "after day 30")}
    attacks = {name: Tally() for name in ATTACKS}
    for one in _population(Random(seed), people):
        for day in range(DAYS):
            period = "first 14 days" if day < 14 else "days 15 to 30" if day < 30 else "after day 30"
            for points in _live(one, day):
                honest[period].add(points)
            if day == ATTACKED_ON:
                for name, attack in ATTACKS.items():
                    attacks[name].add(attack(one, START + day * DAY_S + one.random.randrange(DAY_S)))
    return Replayed(honest, attacks)


def _population(random: Random, people: int) -> Iterator[Somebody]:
    networks = Counter({"next": 0x0B00_0000})

    def place(city: str) -> Place:
        networks["next"] += 256
        return Place(networks["next"], city)

    offices = {city: [place(city) for _ in range(max(1, people // 100))] for city in set(HOMES)}
    for number in range(people):
        own = Random(f"{random.random()} {number}")
        city = own.choice(HOMES)
        later = [own.randrange(14) if own.random() < 0.9 else own.randrange(14, DAYS) for _ in range(own.randrange(3))]
        devices = [
            Device(f"{number} {index}", own.choice(BROWSERS), mobile=index == 1, since=since)
            for index, since in enumerate([0, *later])
        ]
        begun = own.randrange(DAYS)
        yield Somebody(
            random=own,
            home=place(city),
            office=own.choice(offices[city]),
            vpn=place(own.choice(TRIPS)) if own.random() < 0.1 else None,
            devices=devices,
            usual_hour=own.gauss(8, 1.5),
            forgetful=own.random() < 0.02,
            trip=range(begun, begun + own.randrange(3, 8)) if own.random() < 0.4 else range(0),
            hotel=place(own.choice(TRIPS)),
            host=own.randrange(1, 250),
        )


def _live(one: Somebody, day: int) -> Iterator[int]:
    """The scores of a day's logins. Who is blocked tries again another day."""
    for at in _times(one, day):
        device = one.random.choice([own for own in one.devices if own.since <= day])
        where = _whereabouts(one, day, device)
        if where is one.home and one.random.random() < 0.05:  # the provider gives another address
            one.host = one.random.randrange(1, 250)
        if one.forgetful or one.random.random() < 0.003:
            one.lost[device] += 1
        failures = 1 if one.random.random() < 0.05 else 0
        yield _log_in(one, at, where, one.digest(device), failures)


def _times(one: Somebody, day: int) -> list[int]:
    """More on working days; now and then late at night."""
    works = day % 7 < 5
    count = one.random.choices((0, 1, 2, 3), (1, 5, 3, 1) if works else (6, 3, 1, 0))[0]
    hours = [one.usual_hour + one.random.expovariate(0.25) for _ in range(count)]
    late = [one.random.uniform(0, 24) for _ in range(count) if one.random.random() < 0.02]
    return sorted(START + day * DAY_S + int(hour * 3600) for hour in [*hours, *late])


def _whereabouts(one: Somebody, day: int, device: Device) -> Place:
    if day in one.trip:
        return one.hotel
    if one.vpn is not None and one.random.random() < 0.3:
        return one.vpn
    if device.mobile and one.random.random() < 0.5:
        return one.random.choice(CARRIERS)
    return one.office if day % 7 < 5 and one.random.random() < 0.5 else one.home


def _log_in(one: Somebody, at: int, where: Place, device: bytes, failures: int) -> int:
    host = one.host if where is one.home else 10 + one.host % 20
    points = _points(one, at, where, host, device_known=device in one.known, failures=failures)
    if points < BLOCK_AT:
        address, spot = where.address(host), CITIES[where.city]
        network, text = network_text(address), address_text(address)
        new = device not in one.known
        lesson = Lesson(f"{at}", at, network, text, spot.country, spot.point, new)
        one.profile = learn(remembered(one.profile, at, 180 * DAY_S), lesson)
        one.known.add(device)
    return points


def _points(one: Somebody, at: int, where: Place, host: int, *, device_known: bool, failures: int = 0) -> int:
    facts = RiskFacts(
        now=at,
        address=where.address(host),
        spot=CITIES[where.city],
        device_known=device_known,
        failures=failures,
    )
    return score(facts, one.profile, Weights()).points


def _elsewhere(one: Somebody, city: str) -> Place:
    return Place(0x5100_0000 + one.random.randrange(1 << 16) * 256, city)


def _same_country(one: Somebody) -> str:
    country = CITIES[one.home.city].country
    return one.random.choice([city for city, spot in CITIES.items() if spot.country == country])


# Each has the right password, and is scored at a random time of the day.
ATTACKS: Final[dict[str, Callable[[Somebody, int], int]]] = {
    "a strange device abroad": lambda one, at: _points(one, at, _elsewhere(one, "lagos"), 9, device_known=False),
    "a strange device in the same country": lambda one, at: _points(
        one, at, _elsewhere(one, _same_country(one)), 9, device_known=False
    ),
    "stolen cookies in another browser, abroad": lambda one, at: _points(
        one,
        at,
        _elsewhere(one, "lagos"),
        9,
        device_known=one.digest(one.devices[0], "OPR/1") in one.known,
    ),
    "stolen cookies in the same browser, abroad": lambda one, at: _points(
        one, at, _elsewhere(one, "lagos"), 9, device_known=True
    ),
    "a colleague in the office with a device of their own": lambda one, at: _points(
        one, at, one.office, 200, device_known=False
    ),
    "malware on the person's own machine": lambda one, at: _points(one, at, one.home, one.host, device_known=True),
}
