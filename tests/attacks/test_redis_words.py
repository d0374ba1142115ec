"""Who reads all of Redis finds nobody: no word of a person, whatever that person does (threats.md R14)."""

import hashlib
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import pytest
from redis.asyncio import Redis

from gateway.core.login.attempt import Typed
from gateway.core.login.throttle import LoginLimits
from gateway.core.session.tokens import Token
from gateway.flows.people.handoff import Go
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import Login, LoginAnswer, Throttled, Wrong
from gateway.flows.people.logout import Ending
from gateway.flows.people.throttle import LoginThrottle
from gateway.flows.people.users import Newcomer
from tests.attacks.conftest import BUCKET_NAMES, PASSWORD, House, session_of
from tests.attacks.redis_words import everything, found
from tests.attacks.test_logout_without_stores import without_postgres
from tests.attacks.test_shift_change import HOURLY

WHO = Newcomer("Quasimodo.77", "Esméralda Frollo", "bell-ringer@notre-dame.example", ("belfry-keepers", "staff"))
UNKNOWN, MISTYPED, BROWSER = "phoebus@notre-dame.example", "my other secret", "Gargoyle/1482"
ADDRESSES = ("198.51.100.7", "2001:db8:51:7::b0b")  # the first is that of House.ask
PACKED = [ip_address(address).packed for address in ADDRESSES]
WORDS = (
    *(WHO.username, "quasimodo", WHO.name, "esméralda", "frollo", WHO.email, "bell-ringer", "notre-dame"),
    *(*WHO.groups, UNKNOWN, "phoebus", MISTYPED, PASSWORD, BROWSER, *ADDRESSES, "2001:db8:51:7:"),
)
BUCKETS = [BUCKET_NAMES.of_address(ip_address(address)).encode() for address in ADDRESSES]
KINDS = (b"}u", b"}l:", b"}c:", b"}b:GENERAL.SESSION", b"}b:AUTH.LOGIN", b"\0X", b"\0L")


@dataclass
class Thief:
    """Reads all of Redis after each act. secrets: of the cookies that were given out."""

    house: House
    redis: Redis
    login: Login
    seen: set[bytes] = field(default_factory=set)
    secrets: list[str] = field(default_factory=list)

    async def looks(self) -> None:
        self.seen.update(await everything(self.redis))

    async def attempt(self, name: str, password: str, address: str) -> LoginAnswer:
        visit = Visit(ip_address(address), BROWSER, "", "")
        outcome = await self.login.attempt(Typed(name, password, keep=False), visit, None)
        await self.looks()
        return outcome

    async def sign_in(self, address: str) -> Token:
        outcome = await self.attempt(WHO.username, PASSWORD, address)
        assert isinstance(outcome, SignedIn)
        self.secrets.append(outcome.token.text)
        return outcome.token

    async def hand_off(self, login: Token) -> str:
        """The session of the host."""
        live, journey = await self.house.live(login), self.house.journey()
        await self.looks()
        assert live is not None
        go = await self.house.handoff.pass_on(live, journey, ip_address(ADDRESSES[0]), "")
        assert isinstance(go, Go)
        await self.looks()
        session = session_of(await self.house.come_back(go.code, journey))
        self.secrets += [go.code.text, session]
        await self.looks()
        return session

    async def visit(self, path: str, session: str) -> int:
        status = (await self.house.ask(path, f"__Host-bastion={session}" if session else "")).status
        await self.looks()
        return status


async def test_who_reads_all_of_redis_finds_no_word_of_anybody(house: House, redis: Redis) -> None:
    """Failed logins, hand-off, limits of a person and of an address, a refill, a logout with and without Postgres."""
    limits = LoginLimits.of(BUCKET_NAMES, replace(HOURLY, burst=3))
    throttle = LoginThrottle(house.login.throttle.buckets, lambda: limits)
    thief = Thief(house, redis, replace(house.login, throttle=throttle))
    await house.admin.add(WHO, PASSWORD)
    for address in ADDRESSES:
        assert isinstance(await thief.attempt(WHO.username, MISTYPED, address), Wrong)
        assert isinstance(await thief.attempt(UNKNOWN, PASSWORD, address), Wrong)
    first, second = [await thief.sign_in(address) for address in ADDRESSES]
    assert isinstance(await thief.attempt(WHO.email, PASSWORD, ADDRESSES[1]), Throttled)

    sessions = [await thief.hand_off(login) for login in (first, second)]
    limited = [await thief.visit(path, sessions[0]) for path in ("/x", "/door/x", "/door/x", "/strictly/x", "/x")]
    strangers = [await thief.visit(path, "") for path in ("/x", "/door/x")]
    await redis.flushall()
    refilled = await thief.visit("/x", sessions[0])
    await house.logout.end(Ending(first.tag, first.login, ""))
    without = await without_postgres(house)
    await without.end(Ending(second.tag, second.login, ""))
    left = [await thief.visit("/x", session) for session in sessions]

    assert (limited, strangers, refilled, left) == ([200, 200, 429, 200, 200], [302, 429], 200, [302, 302])
    assert [kind for kind in KINDS if not any(kind in one for one in thief.seen)] == []
    secrets = [text.split(".")[3] for text in thief.secrets]
    assert found((*WORDS, *secrets), thief.seen) == set()
    bare = [*PACKED, *(urlsafe_b64decode(secret + "=") for secret in secrets)]
    assert not [raw for raw in bare if any(raw in one for one in thief.seen)]
    assert [name for name in BUCKETS if not any(name in one for one in thief.seen)] == []
    assert not [guess for guess in guesses() if any(guess in one for one in thief.seen)]


def guesses() -> Iterator[bytes]:
    """What somebody without the key would look for who tries all addresses: 12 characters and more of their hashes."""
    for address in ADDRESSES:
        network = "2001:db8:51:7::"
        for text in (address.encode(), network.encode(), ip_address(address).packed, ip_address(network).packed):
            for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256"):
                digest = hashlib.new(name, text).digest()[:9]
                yield from (digest, urlsafe_b64encode(digest), b64encode(digest), digest.hex().encode())


PLANTED: dict[str, Callable[[Redis, str], Awaitable[object]]] = {
    "a key": lambda redis, word: redis.set(f"k:{word}", 1),
    "a string": lambda redis, word: redis.set("k", f"\0{word}\0"),
    "a field": lambda redis, word: redis.hset("k", word, "1"),
    "a value": lambda redis, word: redis.hset("k", "name", word),
    "a list": lambda redis, word: redis.lpush("k", "1", word),
    "a set": lambda redis, word: redis.sadd("k", "1", word),
    "a sorted set": lambda redis, word: redis.zadd("k", {word: 1}),
    "a stream": lambda redis, word: redis.xadd("k", {"name": word}),
}
SPELLED: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "hex": lambda word: word.encode().hex().upper(),
    "hex of small letters": lambda word: word.lower().encode().hex(),
    "base64": lambda word: b64encode(word.encode()).decode(),
    "base64 with something before": lambda word: b64encode(b"{" + word.lower().encode() + b"}").decode(),
    "base64 with more before": lambda word: b64encode(b"::" + word.encode() + b":").decode(),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
async def test_a_word_is_found_wherever_and_however_it_is_written(
    redis: Redis, plant: Callable[[Redis, str], Awaitable[object]]
) -> None:
    for spell in SPELLED.values():
        await redis.flushall()
        await plant(redis, spell(WHO.username))

        assert found(WORDS, await everything(redis)) >= {WHO.username}
