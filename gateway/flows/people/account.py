"""What a person sees and ends of their own logins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.model import Assurance
from gateway.core.audit.login_events import SessionEnded
from gateway.core.base64url import b64, unb64_strict
from gateway.core.keys import Keys
from gateway.core.units import DAY_S
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.back_channel import end_login, tell_apps
from gateway.flows.oauth.grants import end_offline_grants
from gateway.flows.people.countries import country_of
from gateway.stores.files.geoip import GeoIp

_NEW_S: Final = 7 * DAY_S


@dataclass(frozen=True, slots=True)
class OpenLogin:
    """One browser that is signed in. hosts: the auth host too. Times are Unix seconds.

    address, country: "" where unknown. is_new: the person began to use this device a few days ago.
    """

    id: bytes
    address: str
    country: str
    user_agent: str
    created_at: int
    last_seen_at: int
    hosts: tuple[str, ...]
    assurance: Assurance
    is_new: bool


@dataclass(frozen=True, slots=True)
class Account:
    """All of it raises RecordUnavailable. What ends something raises RedisBehind too, and may be done again.

    geoip: None where nobody asks for places.
    """

    acts: Acts
    keys: Keys
    geoip: GeoIp | None = None

    async def devices(self, live: LiveLogin) -> list[OpenLogin]:
        """The current one first, then the latest seen."""
        async with self.acts.begin() as act:
            found = await act.logins.list_live(live.person.user_id, act.now)
        opened = [
            OpenLogin(
                one.id,
                one.address,
                country_of(self.geoip, one.address),
                one.user_agent,
                one.created_at,
                one.last_seen_at,
                _sites(one.hosts),
                one.assurance,
                is_new=one.device_since is not None and one.device_since > act.now - _NEW_S,
            )
            for one in found
        ]
        return sorted(opened, key=lambda one: (one.id != live.token.login_id, -one.last_seen_at))

    async def end_one(self, live: LiveLogin, login_id: bytes, request_id: str) -> str | None:
        """The user agent of what ended, "" where it was over before. None: no login of this person has that id."""
        user_id, login = live.person.user_id, b64(login_id)
        async with self.acts.begin(request_id=request_id) as act:
            row = await act.logins.find(login_id)
            if row is None or row.user_id != user_id:
                return None
            opened = {one.id: one.user_agent for one in await act.logins.list_live(user_id, act.now)}
            if await end_login(act, login_id, "ended_by_person"):
                act.record(SessionEnded(user_id, login))
            act.ends("login", live.token.tag, login)
        return opened.get(login_id, "")

    async def end_others(self, live: LiveLogin, request_id: str) -> int:
        """All logins of this person but the one that asks; how many ended by this."""
        return await self._end_all(live, live.token.login_id, request_id)

    async def end_all(self, live: LiveLogin, request_id: str) -> None:
        """All logins of this person, the one that asks too."""
        await self._end_all(live, None, request_id)

    async def _end_all(self, live: LiveLogin, kept: bytes | None, request_id: str) -> int:
        async with self.acts.begin(request_id=request_id) as act:
            ended = await end_logins_of(act, self.keys, live, "ended_by_person", kept)
            for login_id in ended:
                act.record(SessionEnded(live.person.user_id, b64(login_id)))
        return len(ended)


async def end_logins_of(act: Act, keys: Keys, live: LiveLogin, why: str, kept: bytes | None) -> Sequence[bytes]:
    """All logins of the person who asks, but the one that is kept; the ids of those that end by this.

    Redis hears of all that are over, also of what an earlier try could not tell it; of the asking one last. So who is
    still signed in can try again until everything is done.
    """
    user_id = live.person.user_id
    ended = await act.logins.end_all(user_id, why, act.now, except_login=kept)
    await tell_apps(act, ended)
    await end_offline_grants(act, keys.tag, user_id, why)
    over = await act.logins.list_ended(user_id, act.now)
    for login_id in sorted(over, key=lambda one: one == live.token.login_id):
        act.ends("login", live.token.tag, b64(login_id))
    return ended


def _sites(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Without the sessions of apps, whose hosts alone have a colon: /account/apps shows them."""
    return tuple(host for host in hosts if ":" not in host)


def login_id_of(text: str) -> bytes | None:
    """The id in a page's address; None for anything that is not one."""
    try:
        return unb64_strict(text)
    except ValueError:
        return None
