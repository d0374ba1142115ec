"""What a person sees of the devices, places and hours that Bastion remembers, and how they forget each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.recovery_events import DeviceForgotten
from gateway.core.base64url import unb64
from gateway.core.risk.device import device_digest
from gateway.core.risk.profile import RiskProfile, SeenPlace, forget_country, forget_hours, forget_network, remembered
from gateway.core.units import DAY_S, HOUR_S
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin

DEVICE: Final = "device"
NETWORK: Final = "network"
COUNTRY: Final = "country"
HOURS: Final = "hours"


@dataclass(frozen=True, slots=True, repr=False)
class RememberedDevice:
    """id: of core/risk/device.py. Times are Unix seconds. repr is left out: the user agent is personal."""

    id: bytes
    user_agent: str
    first_at: int
    last_at: int
    logins: int

    def is_of(self, cookie_id: str, user_agent: str) -> bool:
        """Whether that browser is it. cookie_id: "" where it brought none."""
        return bool(cookie_id) and self.id == device_digest(cookie_id, user_agent)


@dataclass(frozen=True, slots=True, repr=False)
class Memory:
    """hours: of the day in UTC, how many of the latest logins were then. repr is left out: it is personal."""

    devices: Sequence[RememberedDevice]
    networks: Sequence[SeenPlace]
    countries: Sequence[SeenPlace]
    hours: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class OwnMemory:
    """All of it raises RecordUnavailable. remember_s: as RiskRules has it."""

    acts: Acts
    remember_s: int

    async def show(self, live: LiveLogin) -> Memory:
        async with self.acts.begin() as act:
            user_id = live.person.user_id
            listed = await act.devices.list(user_id, act.now - self.remember_s)
            profile = remembered(await act.profiles.find(user_id), act.now, self.remember_s)
        devices = [
            RememberedDevice(one.id, one.user_agent, one.used.first_at, one.used.last_at, one.used.logins)
            for one in listed
        ]
        hours = Counter(one.at % DAY_S // HOUR_S for one in profile.logins)
        return Memory(devices, profile.networks, profile.countries, dict(sorted(hours.items())))

    async def forget(self, live: LiveLogin, what: str, value: str, request_id: str) -> bool:
        """what: DEVICE, NETWORK, COUNTRY or HOURS. value: which of them. False: it is not remembered."""
        async with self.acts.begin(request_id=request_id) as act:
            gone = await _forget_device(act, live, value) if what == DEVICE else await _unlearn(act, live, what, value)
            if gone:
                act.record(DeviceForgotten(live.person.user_id, what))
        return gone


async def _forget_device(act: Act, live: LiveLogin, value: str) -> bool:
    try:
        device_id = unb64(value)
    except ValueError:
        return False
    return await act.devices.forget(live.person.user_id, device_id)


async def _unlearn(act: Act, live: LiveLogin, what: str, value: str) -> bool:
    user_id = live.person.user_id
    before = await act.profiles.hold(user_id, act.now)
    after = _without(before, what, value, act.now)
    if after == before:
        return False
    await act.profiles.save(user_id, after)
    return True


def _without(profile: RiskProfile, what: str, value: str, now: int) -> RiskProfile:
    if what == NETWORK and any(one.value == value for one in profile.networks):
        return forget_network(profile, value)
    if what == COUNTRY and any(one.value == value for one in profile.countries):
        return forget_country(profile, value)
    if what == HOURS and profile.logins:
        return forget_hours(profile, now)
    return profile
