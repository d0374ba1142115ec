"""Scores an attempt to log in by what is remembered of the person, and learns from logins that were completed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from gateway.core.addresses import Address
from gateway.core.password.breached import BreachVerdict
from gateway.core.policy.networks import NetworkSet
from gateway.core.privacy.sealing import NOBODY
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.risk.device import browser_family, device_digest, is_settled
from gateway.core.risk.places import Spot, address_text, network_text, public_address
from gateway.core.risk.profile import Lesson, learn, remembered, unlearn
from gateway.core.risk.score import RiskFacts, Score, Weights, score, with_breach
from gateway.flows.act import Act, Acts
from gateway.stores.files.geoip import GeoIp
from gateway.stores.files.network_lists import NetworkLists
from gateway.stores.postgres.devices import UsedDevice
from gateway.stores.postgres.recall import Recalled

_LOGIN_CHARS: Final = 11  # of a login's id, in a profile: 64 bits tell the logins of one person apart


@dataclass(frozen=True, slots=True)
class Source:
    """Where an attempt comes from. device_id: of its device cookie, "" where the browser brought none."""

    address: Address | None
    user_agent: str
    device_id: str


@dataclass(frozen=True, slots=True)
class Assessed:
    """used: what is known of the device, None: it is new to this person. verdict: of the password, if it was right."""

    source: Source
    spot: Spot
    used: UsedDevice | None
    score: Score
    verdict: BreachVerdict = "not_checked"

    @property
    def device_known(self) -> bool:
        return self.used is not None

    def is_settled(self, now: int) -> bool:
        """Whether the device was in use long enough to change what a login rests on. now: Unix seconds."""
        used = self.used
        return used is not None and is_settled(used.first_at, used.logins, now)


@dataclass(frozen=True, slots=True)
class RiskRules:
    """known: place gives no points there. shared: no device is remembered there. uncounted: where no wrong password
    counts, because one person's would count for many.
    """

    weights: Weights
    remember_s: int
    known: NetworkSet
    shared: NetworkSet
    uncounted: NetworkSet


@dataclass(frozen=True, slots=True)
class Risk:
    """Methods that take an act work in it. observe: hears each score of a right password."""

    acts: Acts
    rules: RiskRules
    geoip: GeoIp
    anonymising: NetworkLists
    names: BucketNames
    observe: Callable[[int], None]

    async def assess(self, act: Act, user_id: UUID | None, source: Source) -> Assessed:
        """user_id None: nobody has the name; it costs the same steps (threats.md L5)."""
        recalled = await self._recall(act, NOBODY if user_id is None else user_id, source)
        return self._scored(source, recalled, act.now)

    def after(self, assessed: Assessed, verdict: BreachVerdict) -> Assessed:
        """Once the password was right and looked up among the breached ones."""
        scored = with_breach(assessed.score, self.rules.weights) if verdict == "found" else assessed.score
        return replace(assessed, score=scored, verdict=verdict)

    async def suppose(self, name: str, source: Source, at: int, *, device_known: bool | None) -> Assessed:
        """What a right password would score then. Raises UnknownUser.

        device_known None: whether the person has a device with such a browser. at: Unix seconds.
        """
        async with self.acts.begin(at=at) as act:
            user = await act.users.named(name)
            if device_known is None:
                listed = await act.devices.list(user.id, at - self.rules.remember_s)
                family = browser_family(source.user_agent)
                device_known = any(browser_family(one.user_agent) == family for one in listed if family)
            used = UsedDevice(at, at, 1) if device_known else None
            recalled = replace(await self._recall(act, user.id, source), used=used)
        return self._scored(source, recalled, at)

    async def learn(self, act: Act, user_id: UUID, assessed: Assessed, device_id: str, login: str) -> None:
        """Of a completed login, in its act, which holds the person. device_id: of the cookie that the browser gets."""
        source, now = assessed.source, act.now
        profile = remembered(await act.profiles.hold(user_id, now), now, self.rules.remember_s)
        await act.profiles.save(user_id, learn(profile, self._lesson(assessed, login, now)))
        device = self.device_of(replace(source, device_id=device_id))
        if device is not None:
            await act.devices.add_login(user_id, device, source.user_agent, now, now - self.rules.remember_s)

    def device_of(self, source: Source) -> bytes | None:
        """None in a shared network, where no device is remembered."""
        return (
            None if _within(source.address, self.rules.shared) else device_digest(source.device_id, source.user_agent)
        )

    async def unlearn(self, act: Act, user_id: UUID, logins: Iterable[str]) -> None:
        """What those logins taught: they were somebody else's."""
        profile = await act.profiles.hold(user_id, act.now)
        await act.profiles.save(user_id, unlearn(profile, [login[:_LOGIN_CHARS] for login in logins]))

    async def count_failure(self, act: Act, source: Source) -> None:
        """A wrong password came from there, whatever the name."""
        sources = self._sources(source)
        await act.login_failures.add(sources, act.now)

    async def forget_old(self) -> None:
        """One round of the leader's."""
        async with self.acts.begin() as act:
            oldest = act.now - self.rules.remember_s
            await act.devices.purge(oldest)
            await act.profiles.purge(oldest)
            await act.login_failures.purge(act.now)

    async def _recall(self, act: Act, person: UUID, source: Source) -> Recalled:
        """No device is known in a shared network."""
        device, oldest = device_digest(source.device_id, source.user_agent), act.now - self.rules.remember_s
        found = await act.recall.of(person, device, oldest, self._sources(source), act.now)
        used = None if _within(source.address, self.rules.shared) else found.used
        profile = remembered(found.profile, act.now, self.rules.remember_s)
        return replace(found, profile=profile, used=used)

    def _scored(self, source: Source, recalled: Recalled, now: int) -> Assessed:
        address, spot = source.address, self.geoip.find(source.address)
        facts = RiskFacts(
            now=now,
            address=address,
            spot=spot,
            device_known=recalled.used is not None,
            failures=recalled.failures,
            doubted=recalled.doubted,
            anonymising=address is not None and address in self.anonymising,
            known_network=_within(address, self.rules.known),
        )
        return Assessed(source, spot, recalled.used, score(facts, recalled.profile, self.rules.weights))

    def _sources(self, source: Source) -> Sequence[str]:
        if source.address is None or _within(source.address, self.rules.uncounted):
            return ()
        device = (self.names.of_device(source.device_id),) if source.device_id else ()
        return (self.names.of_address(source.address), *device)

    def _lesson(self, assessed: Assessed, login: str, now: int) -> Lesson:
        """Where the operator's network is on Earth is not where its people are: it teaches no place but its name."""
        address = public_address(assessed.source.address)
        is_known = _within(address, self.rules.known)
        return Lesson(
            login=login[:_LOGIN_CHARS],
            at=now,
            network="" if address is None else network_text(address),
            address="" if address is None else address_text(address),
            country="" if is_known else assessed.spot.country,
            point=None if is_known else assessed.spot.point,
            new_device=not assessed.device_known,
        )


def _within(address: Address | None, networks: NetworkSet) -> bool:
    return address is not None and address in networks
