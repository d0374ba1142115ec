"""Makes and ends API keys: for their person, and for operators."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Final
from uuid import UUID

from gateway.core.assurance.model import NO_PROOF
from gateway.core.audit.app_events import ApiKeyCreated, ApiKeyRevoked
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import ABOUT
from gateway.core.policy.canonical import canonical_host
from gateway.core.policy.facts import Actor
from gateway.core.policy.model import Policy
from gateway.core.policy.networks import Network, unmapped
from gateway.core.policy.route import API_KEY
from gateway.core.session.tokens import tag_of
from gateway.core.token.api_key import KEY_ID_BYTES, SECRET_BYTES, ApiKeys, key_hash
from gateway.core.units import DAY_S
from gateway.flows.act import Act, Acts
from gateway.flows.mail.notices import NO_FACTS, NO_NOTICES, NoticeFacts, Notices
from gateway.stores.postgres.api_keys import KEYS_OF_PERSON, ApiKeyRow, NewApiKey
from gateway.stores.postgres.users import UserRow

DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 3650
_NAME_CHARS: Final = 60
_MOST: Final = 32  # of scopes, hosts and networks each


class BadKey(GatewayError):
    """Nobody may have such a key; the message says why."""


class UnknownKey(GatewayError):
    """No key has this id."""


@dataclass(frozen=True, slots=True, repr=False)
class WantedKey:
    """days None: it never expires. networks: none, from any address. repr is left out: the name is personal."""

    name: str
    scopes: tuple[str, ...]
    hosts: tuple[str, ...]
    networks: tuple[str, ...] = ()
    days: int | None = DEFAULT_DAYS


@dataclass(frozen=True, slots=True)
class KeyMaker:
    """Makes keys by the policy in force, and tells their people."""

    keys: Keys
    policy: Callable[[], Policy]
    random: Callable[[int], bytes]
    notices: Notices = NO_NOTICES

    async def make(self, act: Act, user: UserRow, wanted: WantedKey, why: str, facts: NoticeFacts = NO_FACTS) -> str:
        """The key, which nobody sees again. why: of ApiKeyCreated. facts: where it comes from. Raises BadKey."""
        key_id = self.random(KEY_ID_BYTES)
        tag = tag_of(self.keys.tag, user.id)
        text = ApiKeys(self.keys.api_key, self.keys.person).mint(tag, key_id, self.random(SECRET_BYTES))
        new = NewApiKey(
            id=key_id,
            user_id=user.id,
            name=_checked_name(wanted.name),
            hash=key_hash(text),
            scopes=self._scopes(user, wanted.scopes, act.now),
            hosts=self._hosts(wanted.hosts),
            networks=checked_networks(wanted.networks),
            expires_at=None if wanted.days is None else act.now + _checked_days(wanted.days) * DAY_S,
        )
        if not await act.api_keys.add(new, act.now):
            raise BadKey(f"no key was made: the person is disabled, or has {KEYS_OF_PERSON} keys already")
        ends_at = new.expires_at or 0
        act.record(ApiKeyCreated(user.id, b64(key_id), why, new.scopes, new.hosts, new.networks, ends_at, new.name))
        await self.notices.add(act, user, MailKind.API_KEY_MADE, _told(new, facts))
        return text

    def choice(self, username: str, groups: tuple[str, ...], now: int) -> tuple[str, ...]:
        """The scopes that the person may give a key."""
        return self.policy().key_scopes.choice(Actor(username, frozenset(groups), NO_PROOF, API_KEY), now)

    def _scopes(self, user: UserRow, scopes: tuple[str, ...], now: int) -> tuple[str, ...]:
        may = self.choice(user.username, user.groups, now)
        for scope in scopes:
            if scope not in may:
                expected = ", ".join(may) or "none: policy's key_scopes lets this person give none"
                raise BadKey(f"the scope {scope!r} is not one that this person may give a key; expected {expected}")
        return _some("scopes", scopes)

    def _hosts(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        found = []
        for host in hosts:
            canonical = canonical_host(host)
            if canonical is None or not self.policy().knows_host(canonical):
                raise BadKey(f"{host!r} is no host of the policy; expected the name of one, without https://")
            found.append(canonical)
        return _some("hosts", tuple(found))


@dataclass(frozen=True, slots=True)
class ListedKey:
    key: ApiKeyRow
    username: str


@dataclass(frozen=True, slots=True)
class ApiKeyAdmin:
    """What operators do. actor: who acts, as the audit log is to name them. All raise RecordUnavailable."""

    acts: Acts
    keys: Keys
    actor: str

    async def create(self, maker: KeyMaker, name: str, wanted: WantedKey) -> str:
        """name: of the person. Raises BadKey, UnknownUser."""
        async with self.acts.begin(operator=self.actor) as act:
            return await maker.make(act, await act.users.named(name), wanted, "made_by_operator")

    async def list(self, name: str | None) -> list[ListedKey]:
        """name: of a person, None for everybody. Raises UnknownUser."""
        async with self.acts.begin() as act:
            user = None if name is None else await act.users.named(name)
            found = await act.api_keys.list_live(None if user is None else user.id, act.now)
            people = {one.id: one.username for one in (await act.users.list() if user is None else [user])}
        return [ListedKey(one, people[one.user_id]) for one in found]

    async def page(self, after: tuple[int, bytes] | None, most: int) -> Sequence[ListedKey]:
        """Of everybody, the newest first. after: when the last one of the page before was made, and its id."""
        async with self.acts.begin() as act:
            found = await act.api_keys.page_live(after, most, act.now)
            people = {user_id: await act.users.find(user_id) for user_id in {one.user_id for one in found}}
        return [ListedKey(one, user.username) for one in found if (user := people[one.user_id]) is not None]

    async def revoke(self, key_id: bytes) -> bool:
        """False: it had ended before. Raises UnknownKey, and RedisBehind after the commit; then do it again."""
        async with self.acts.begin(operator=self.actor) as act:
            key = await act.api_keys.find(key_id)
            if key is None:
                raise UnknownKey("there is no such key; `bastion api-key list` shows them")
            return await end_key(act, self.keys.tag, key, "ended_by_operator")


async def end_key(act: Act, tag_key: bytes, key: ApiKeyRow, why: str) -> bool:
    """It passes no more when the act is over. False: it had ended before; Redis hears of it again."""
    ended = await act.api_keys.end(key.id, why, act.now)
    if ended:
        act.record(ApiKeyRevoked(key.user_id, b64(key.id), why))
    act.ends("key", tag_of(tag_key, key.user_id), b64(key.id))
    return ended


async def rest_keys(act: Act, tag_key: bytes, user_id: UUID) -> None:
    """None of the person's keys passes until they wake it (login-defence.md X2)."""
    for key_id in await act.api_keys.rest(user_id, act.now):
        act.ends("key", tag_of(tag_key, user_id), b64(key_id))


def _told(key: NewApiKey, facts: NoticeFacts) -> NoticeFacts:
    rows = (("App password", key.name), ("Sites", ", ".join(key.hosts)))
    return replace(facts, more=(*facts.more, *rows), link={ABOUT: b64(key.id)})


def _checked_name(name: str) -> str:
    kept = name.strip()
    if not 1 <= len(kept) <= _NAME_CHARS or any(unicodedata.category(one)[0] == "C" for one in kept):
        raise BadKey(f"a name has 1 to {_NAME_CHARS} characters on one line; expected what the key is for")
    return kept


def _checked_days(days: int) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise BadKey(f"a key lives for 1 to {MOST_DAYS} days, or never expires")
    return days


def checked_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    """As str() writes them, each once. Raises BadKey."""
    found = []
    for network in networks:
        try:
            found.append(str(unmapped(_network(network))))
        except ValueError as error:
            raise BadKey(f"{network!r} is no network; expected an address or CIDR, such as 192.0.2.0/24") from error
    return _some("networks", tuple(found)) if found else ()


def _network(text: str) -> Network:
    """Without a zone (RFC 4007), which is any text, for the audit log too, and stands in no address of a client.

    Raises ValueError.
    """
    if "%" in text:
        raise ValueError("a network with a zone")
    return ip_network(text)


def _some(what: str, given: tuple[str, ...]) -> tuple[str, ...]:
    each = tuple(sorted(set(given)))
    if not 1 <= len(each) <= _MOST:
        raise BadKey(f"a key has 1 to {_MOST} {what}")
    return each
