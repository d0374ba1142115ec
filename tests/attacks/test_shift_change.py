"""A hospital signs in behind one address while somebody guesses from it (threats.md L4).

The whole login on real stores but at bcrypt's lowest cost, as everywhere in this directory: at the usual cost 300
passwords are about a minute's work of two cores, and nothing here is about that work.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

import pytest

from gateway.core.login.attempt import DEVICE_BYTES, Device, Typed, remember
from gateway.core.login.throttle import LoginLimits, NamedNetwork
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.people.issuing import Visit
from gateway.flows.people.login import Login, Throttled
from gateway.flows.people.passwords import Passwords, PasswordsBusy
from gateway.flows.people.throttle import LoginThrottle
from tests.attacks.conftest import BUCKET_NAMES, PASSWORD, House
from tests.core.forward.setting import KEYS

HERE = ip_address("203.0.113.7")
USUAL = Limit("AUTH.LOGIN", 10, 60_000_000, 5)
HOURLY = replace(USUAL, period_us=36_000_000_000)  # nothing comes back while a test runs
WARD = NamedNetwork("hospital", (ip_network("203.0.113.0/24"),), replace(USUAL, count=600, burst=300))
PEOPLE, GUESSES = 300, 1_000
AT_ONCE, GUESSES_AT_ONCE = 10, 40
NAMES = [f"nurse{number}" for number in range(PEOPLE)]
GUESSED = [NAMES[number % PEOPLE] for number in range(GUESSES)]


@dataclass
class Shift:
    """honest, guesses: what attempts ended in."""

    login: Login
    begun: float = field(default_factory=time.monotonic)
    honest: Counter[str] = field(default_factory=Counter)
    guesses: Counter[str] = field(default_factory=Counter)

    async def sign_in(self, names: Sequence[str] = NAMES, *, known: bool) -> None:
        """Everybody once. known: on the workstation where they signed in yesterday."""
        await self._each(names, PASSWORD, AT_ONCE, self.honest, known=known)

    async def guess(self, names: Sequence[str] = GUESSED, at_once: int = GUESSES_AT_ONCE) -> None:
        """From the same address, without a device of theirs."""
        await self._each(names, "123456", at_once, self.guesses, known=False)

    def most(self, limit: Limit) -> float:
        """How many attempts a budget can have let through by now, however long it took to come here."""
        return limit.burst + 1 + (time.monotonic() - self.begun) * 1_000_000 / limit.interval_us

    async def _each(
        self, names: Sequence[str], password: str, at_once: int, seen: Counter[str], *, known: bool
    ) -> None:
        waiting = list(reversed(names))

        async def go_on() -> None:
            while waiting:
                name = waiting.pop()
                device = remember(KEYS.device, Device("", ()), name, name.ljust(DEVICE_BYTES).encode()) if known else ""
                seen[await self._attempt(name, password, device)] += 1

        await asyncio.gather(*(go_on() for _ in range(at_once)))

    async def _attempt(self, name: str, password: str, device: str) -> str:
        try:
            outcome = await self.login.attempt(Typed(name, password, keep=False), Visit(HERE, "", device, ""), None)
        except PasswordsBusy:
            return "PasswordsBusy"
        assert not isinstance(outcome, Throttled) or outcome.retry_after_s >= 1
        return type(outcome).__name__


@pytest.fixture
async def hospital(house: House) -> House:
    for name in NAMES:
        await house.add(name)
    return house


def begin(house: House, *networks: NamedNetwork, usual: Limit = USUAL) -> Shift:
    limits = LoginLimits.of(BUCKET_NAMES, usual, networks)
    return Shift(replace(house.login, throttle=LoginThrottle(house.login.throttle.buckets, lambda: limits)))


async def test_300_known_devices_behind_one_address_sign_in_while_1000_guesses_from_it_get_nowhere(
    hospital: House,
) -> None:
    shift = begin(hospital)

    await asyncio.gather(shift.guess(), shift.sign_in(known=True))

    assert shift.honest == {"SignedIn": PEOPLE}
    assert shift.guesses["Wrong"] <= shift.most(USUAL)
    assert shift.guesses["Throttled"] >= GUESSES - shift.most(USUAL)


async def test_300_new_devices_of_a_named_network_sign_in_within_its_budget(hospital: House) -> None:
    shift = begin(hospital, WARD)
    await shift.sign_in(known=False)
    assert shift.honest == {"SignedIn": PEOPLE}

    await shift.guess()

    assert sum(shift.guesses.values()) == GUESSES
    assert PEOPLE + shift.guesses["Wrong"] <= shift.most(WARD.limit)
    assert shift.guesses["Throttled"] > 0


async def test_without_a_named_network_300_new_devices_are_slowed_down(hospital: House) -> None:
    shift = begin(hospital)

    await shift.sign_in(known=False)

    assert USUAL.burst <= shift.honest["SignedIn"] <= shift.most(USUAL)
    assert shift.honest["SignedIn"] + shift.honest["Throttled"] == PEOPLE


async def test_guesses_that_a_wide_budget_lets_through_do_not_take_the_turns_of_known_devices(hospital: House) -> None:
    """48 of them wait for the only thread at any time; its queue has 32 places. A name of nobody costs the most."""
    shift = begin(hospital, replace(WARD, limit=replace(WARD.limit, burst=10_000)))
    slow = Passwords({"p1": b"p" * 32, "old": b"o" * 32}, threads=1, cost=8)
    shift.login = replace(shift.login, passwords=slow)
    guessing = asyncio.create_task(shift.guess([f"nobody{number}" for number in range(20_000)], at_once=48))
    while not shift.guesses["PasswordsBusy"]:
        await asyncio.sleep(0.01)

    await shift.sign_in(NAMES[:100], known=True)

    assert not guessing.done()
    guessing.cancel()
    assert shift.honest == {"SignedIn": 100}
    assert shift.guesses["Wrong"] > 0
    assert shift.guesses["Throttled"] == 0
    await asyncio.gather(guessing, return_exceptions=True)
    slow.close()


async def test_a_known_device_signs_in_again_and_again_and_pays_for_its_failures_only(hospital: House) -> None:
    shift, device = begin(hospital, usual=HOURLY), remember(KEYS.device, Device("", ()), NAMES[0], b"d" * DEVICE_BYTES)

    again = [await shift._attempt(NAMES[0], PASSWORD, device) for _ in range(3 * USUAL.burst)]
    wrong = [await shift._attempt(NAMES[0], "x", device) for _ in range(USUAL.burst)]
    right = await shift._attempt(NAMES[0], PASSWORD, device)

    assert again == ["SignedIn"] * 3 * USUAL.burst
    assert wrong == ["Wrong"] * USUAL.burst
    assert right == "Throttled", "a guesser on a known device is a guesser"


async def test_failures_on_a_known_device_cost_its_address(hospital: House) -> None:
    shift, device = begin(hospital, usual=HOURLY), remember(KEYS.device, Device("", ()), NAMES[0], b"d" * DEVICE_BYTES)

    for _ in range(USUAL.burst):
        await shift._attempt(NAMES[0], "x", device)

    assert await shift._attempt(NAMES[1], PASSWORD, "") == "Throttled"
