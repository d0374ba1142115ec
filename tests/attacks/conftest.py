"""The flows of people on real stores, on one node, while decisions are taken on another."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis

from gateway.core.base64url import b64
from gateway.core.forward.answer import Answer
from gateway.core.forward.login_start import Way
from gateway.core.forward.request import read_request
from gateway.core.login.attempt import Typed
from gateway.core.login.lockout import LockoutRules
from gateway.core.login.outcome import LoginRules
from gateway.core.login.throttle import LoginLimits
from gateway.core.passkeys.relying_party import RelyingParty
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.session.journey import Journey, seal_journey
from gateway.core.session.tokens import Token
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.account import Account
from gateway.flows.people.confirming import Confirming
from gateway.flows.people.factor_proofs import FactorProofs
from gateway.flows.people.handoff import Handoff
from gateway.flows.people.issuing import Issuing, Lifetimes, SignedIn, Visit
from gateway.flows.people.lockouts import Lockouts
from gateway.flows.people.login import Login, LoginAnswer
from gateway.flows.people.logout import Logout
from gateway.flows.people.own_factors import OwnFactors
from gateway.flows.people.passkey_proofs import PasskeyProofs
from gateway.flows.people.passwords import Passwords
from gateway.flows.people.second_step import SecondStep
from gateway.flows.people.step_up import StepUpFlow
from gateway.flows.people.throttle import FactorThrottle, LoginThrottle
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.people.users import Newcomer, UserAdmin
from gateway.stores.files.journal import Journal
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.decisions import Functions
from gateway.stores.redis.revocations import Revocations
from gateway.waiting import answer_of
from tests.conftest import Pool
from tests.core.forward.setting import KEYS, POLICY
from tests.deciding import HOST, Deciding, Where, deciding, functions_at
from tests.risks import REMEMBER_S, risk_of
from tests.running import running

AUTH_HOST = "auth.example.org"
RELYING_PARTY = RelyingParty(AUTH_HOST, "Example", f"https://{AUTH_HOST}")
PASSWORD = "correct horse battery"
WAY = Way("w" * 43, 1, 0)
BUCKET_NAMES = BucketNames(KEYS.bucket)
_PLENTY = LoginLimits.of(BUCKET_NAMES, Limit("plenty", 1_000_000, 60_000_000, 100_000))
_LIFETIMES = Lifetimes(1800, 43_200, 604_800, 2_592_000)


@dataclass
class House:
    """there: the node that decides, with the vault, clock and random bytes that both share."""

    there: Deciding
    functions: Functions
    passwords: Passwords
    revocations: Revocations
    acts: Acts
    login: Login
    handoff: Handoff
    logout: Logout
    account: Account
    admin: UserAdmin
    second: SecondStep
    step_up: StepUpFlow
    factors: OwnFactors

    @property
    def pool(self) -> Pool:
        return self.there.pool

    async def add(self, name: str, groups: tuple[str, ...] = ("staff",)) -> UUID:
        return await self.admin.add(Newcomer(name, "", "", groups), PASSWORD)

    async def attempt(self, name: str, password: str = PASSWORD, current: LiveLogin | None = None) -> LoginAnswer:
        return await self.login.attempt(Typed(name, password, keep=False), Visit(None, "", "", ""), current)

    async def sign_in(self, name: str, current: LiveLogin | None = None) -> Token:
        """The auth host's own token."""
        outcome = await self.attempt(name, current=current)
        assert isinstance(outcome, SignedIn)
        return outcome.token

    async def live(self, token: Token) -> LiveLogin | None:
        """As the node that decides knows it."""
        return await self.there.decisions.authenticate(token.text, AUTH_HOST)

    async def lives(self, token: Token) -> bool:
        return await self.live(token) is not None

    def journey(self, need: str = "", old: str = "", way: Way = WAY) -> Journey:
        return Journey(HOST, "/x", b64(way.hash), self.there.now, need, "", old)

    async def come_back(self, code: Token, journey: Journey, way: Way | None = WAY, session: str = "") -> Answer:
        """The browser at the callback of the host."""
        sealed = seal_journey(KEYS.journey, journey, self.there.random(12))
        cookies = {"__Host-bastion-way": "" if way is None else way.text, "__Host-bastion": session}
        pairs = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        return await self.ask(f"/.bastion/callback?code={code.text}&j={sealed}", pairs)

    async def ask(self, path: str, cookies: str) -> Answer:
        """A navigation. Every question has an id of its own."""
        self.questions += 1
        sent = {
            "host": HOST,
            "x-request-id": f"00000000-{self.questions:08d}",
            "x-forwarded-method": "GET",
            "x-forwarded-uri": path,
            "x-forwarded-host": HOST,
            "x-forwarded-proto": "https",
            "x-forwarded-for": "198.51.100.7",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
            "cookie": cookies,
        }
        request = read_request((name.encode(), value.encode()) for name, value in sent.items())
        return await answer_of(lambda waiter: self.there.decisions.start(request, waiter))

    questions: int = 0


def session_of(answer: Answer) -> str:
    """The session that the answer opens, "" without one."""
    cookies = [value.partition(";")[0] for name, value in answer.headers if name == "Set-Cookie"]
    return next((pair.partition("=")[2] for pair in cookies if pair.startswith("__Host-bastion=v1")), "")


@pytest.fixture
async def house(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    await redis.ping()
    async with open_house(pool, redis_url, tmp_path) as house:
        yield house


@asynccontextmanager
async def open_house(pool: Pool, redis: Where, directory: Path, seed: int = 7) -> AsyncIterator[House]:
    """seed: of all random bytes; two processes on the same stores must not have the same."""
    passwords = Passwords({"p1": b"p" * 32, "old": b"o" * 32}, threads=2, cost=4)
    async with running(functions_at(redis, 1)) as functions, deciding(pool, redis, int(time.time())) as there:
        there.random.source.seed(seed)
        yield _house(there, functions, passwords, directory)
    passwords.close()


def _house(there: Deciding, functions: Functions, passwords: Passwords, directory: Path) -> House:
    revocations, pool, vault, random = Revocations(functions), there.pool, there.vault, there.random

    throttle = LoginThrottle(Buckets(functions), lambda: _PLENTY)
    acts = Acts(pool, vault, revocations, lambda: there.now)
    passkeys = PasskeyProofs(KEYS.challenge, RELYING_PARTY, random, lambda _: None)
    confirming = Confirming(KEYS, random)
    lockouts = Lockouts(acts, KEYS, LockoutRules(), REMEMBER_S)
    risk, proofs = risk_of(acts, KEYS), FactorProofs(KEYS, passkeys, lockouts, lambda _: None)
    issuing = Issuing(KEYS, _LIFETIMES, AUTH_HOST, risk, random)
    by_person = FactorThrottle(Buckets(functions), BUCKET_NAMES, _PLENTY.usual)
    return House(
        there,
        functions,
        passwords,
        revocations,
        acts,
        Login(
            acts,
            passwords,
            throttle,
            lockouts,
            UnknownNames(acts),
            risk,
            issuing,
            confirming,
            LoginRules(without_factor="admit"),  # most tests sign in on strange devices
            lambda _: None,
        ),
        Handoff(acts, KEYS, lambda: POLICY, random),
        Logout(acts, KEYS, Journal(directory / "ended"), 2_592_000, lambda: None),
        Account(acts, KEYS),
        UserAdmin(acts, passwords, KEYS, random, "cli:root"),
        SecondStep(acts, proofs, risk, issuing, confirming, by_person, LoginRules(), lambda _: None),
        StepUpFlow(acts, passwords, proofs, risk, issuing, throttle, lockouts, by_person, lambda _: None),
        OwnFactors(acts, KEYS, random),
    )
