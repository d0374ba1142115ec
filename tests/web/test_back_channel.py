"""Apps hear that a login is over: from each act that ends one, by a token that is signed anew at each try."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import NO_PROOF
from gateway.core.jose.compact import Compact, parse_compact
from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.networks import NetworkSet
from gateway.core.policy.site import Site
from gateway.core.principal.ask import LoginFacts
from gateway.core.session.tokens import Token
from gateway.core.token.access import AccessTokens
from gateway.core.token.signing_keys import NO_KEYS
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.back_channel import BackChannel, tell_apps
from gateway.flows.oauth.grants import Apps, GrantAdmin
from gateway.flows.operate.delivery import Delivery, OutboxKeeper
from gateway.flows.people.account import Account
from gateway.flows.people.logout import Ending, Logout
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.metrics import Metrics
from gateway.outbound.guarded import GuardedClient
from gateway.outbound.undelivered import Undelivered
from gateway.stores.files.journal import EndedLogin, Journal
from gateway.stores.postgres.outbox import Outbox
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.deciding import ADA
from tests.oauth_clients import ISSUER, POLICY, RS256, SECRET
from tests.receiver import Receiver, receiving, with_status
from tests.web.oauth_house import House, house_at, said

THIS_MACHINE = NetworkSet.of([ip_network("127.0.0.0/8")])
AT_ONCE = Pauses(0.01, 0.01)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def house(pool: Pool, redis: Redis, redis_url: str, receiver: Receiver) -> AsyncIterator[House]:
    """wiki and spa2 have an address for logouts, spa has none."""
    await redis.ping()
    told = f", backchannel_logout_uri: 'http://127.0.0.1:{receiver.port}/"
    text = POLICY.replace("cb,\n    secret", f"cb{told}wiki',\n    secret")
    text = text.replace("https://spa2.example.org/cb", f"https://spa2.example.org/cb{told}spa2'")
    async with house_at(pool, redis_url, int(time.time())) as house:
        house.policy[0] = compile_policy({"c.yaml": text}, Site("auth.example.org", "http", 80))
        assert house.policy[0].clients["wiki"].backchannel_logout_uri == f"http://127.0.0.1:{receiver.port}/wiki"
        yield house


@pytest.fixture
async def login(house: House) -> Token:
    return await house.here.log_in()


def channel(house: House, allowed: NetworkSet = THIS_MACHINE) -> BackChannel:
    return BackChannel(
        ISSUER,
        KEYS.token,
        lambda alg: house.signers[alg or "ES256"],
        lambda: house.policy[0],
        GuardedClient(allowed).form,
        house.here.random,
        house.clock.seconds,
    )


@asynccontextmanager
async def telling(house: House, allowed: NetworkSet = THIS_MACHINE) -> AsyncIterator[None]:
    """Two tasks, as in a worker."""
    send = channel(house, allowed).send
    tasks = [
        asyncio.create_task(
            Delivery(house.pool, MessageKind.LOGOUT, send, lambda _outcome: None, AT_ONCE, poll_s=0.01).run()
        )
        for _ in range(2)
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def waiting(house: House) -> int:
    async with house.pool.acquire() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE state = 'waiting'"))


async def nothing_waits(house: House) -> None:
    for _ in range(3_000):
        if not await waiting(house):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("still waiting")


def token_of(body: str) -> Compact:
    ((name, (text,)),) = parse_qs(body).items()
    assert name == "logout_token"
    return parse_compact(text)


@dataclass
class Ends:
    """All that ends a login, or an app's access."""

    house: House
    live: LiveLogin
    directory: Path

    async def by(self, how: str) -> None:
        acts, login_id = self.house.acts, self.live.token.login_id
        match how:
            case "logout":
                assert await self.logout().end(Ending(self.live.token.tag, self.live.token.login, ""))
            case "journal":
                ended = EndedLogin(self.live.token.login, self.house.clock.now, "")
                Journal(self.directory / "ended.jsonl").append(ended)
                assert await self.logout().complete() == 1
            case "device":
                await Account(acts, KEYS).end_one(self.live, login_id, "")
            case "all devices":
                await Account(acts, KEYS).end_all(self.live, "")
            case "app's page":
                assert await Apps(acts, KEYS, lambda: self.house.policy[0]).end(self.live, "wiki", "")
            case _:
                await self._by_operator(how)

    async def _by_operator(self, how: str) -> None:
        with self.house.admin() as admin:
            match how:
                case "disabled":
                    await admin.disable("ada")
                case "password":
                    await admin.set_password("ada", "another horse battery")
                case "operator, all":
                    await admin.end_sessions("ada", None, "stolen")
                case "operator, one":
                    await admin.end_sessions("ada", self.live.token.login_id, "stolen")
                case _:
                    grants = GrantAdmin(self.house.acts, KEYS, "cli:root")
                    for one in await grants.list("ada", "wiki"):
                        await grants.revoke(one.grant.id)

    def logout(self) -> Logout:
        return Logout(self.house.acts, KEYS, Journal(self.directory / "ended.jsonl"), 86_400, lambda: None)


async def ends(house: House, login: Token, access_token: str, directory: Path) -> Ends:
    presented = AccessTokens(ISSUER, KEYS.token).read(access_token, house.keys, None).presented
    live = (await house.here.decisions.live(presented))[0]
    assert live is not None
    return Ends(house, LiveLogin(house.presented(login), live.person, LoginFacts(NO_PROOF, 0, 0)), directory)


HOWS = ["logout", "journal", "device", "all devices", "disabled", "password", "operator, all", "operator, one",
        "app's page", "grant"]  # fmt: skip


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("how", HOWS)
async def test_whatever_ends_it_the_app_hears_once(
    house: House, login: Token, receiver: Receiver, tmp_path: Path, how: str, offline: bool
) -> None:
    code = await house.code("wiki", login, "openid email", offline=offline)
    body = (await house.exchange("wiki", code)).body
    await house.tokens("spa", login)  # has no address
    identity = said(body["id_token"])

    await (await ends(house, login, body["access_token"], tmp_path)).by(how)
    async with telling(house):
        await nothing_waits(house)

    ((path, headers, form),) = receiver.heard
    jws = token_of(form)
    assert (path, headers["Content-Type"]) == ("/wiki", "application/x-www-form-urlencoded")
    assert (jws.typ, jws.alg, jws.kid) == ("logout+jwt", "RS256", RS256.kid)
    assert RS256.verification.verify("RS256", jws.signing_input, jws.signature)
    claims = dict(jws.payload)
    assert claims.pop("jti")
    assert claims == {
        "iss": ISSUER,
        "sub": identity["sub"],
        "aud": "wiki",
        "sid": identity["sid"],
        "iat": house.clock.now,
        "exp": house.clock.now + 120,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }


async def log_out(house: House, login: Token, directory: Path) -> None:
    logout = Logout(house.acts, KEYS, Journal(directory / "ended.jsonl"), 86_400, lambda: None)
    assert await logout.end(Ending(login.tag, login.login, ""))


async def test_each_try_brings_a_token_of_its_own(
    house: House, login: Token, receiver: Receiver, tmp_path: Path
) -> None:
    await house.tokens("wiki", login)
    receiver.answer = with_status(503)
    await log_out(house, login, tmp_path)

    async with telling(house):
        await receiver.has_heard(2)
        house.clock.now += 600
        receiver.answer = with_status(200)
        await receiver.has_taken(1)
        await nothing_waits(house)

    first, last = token_of(receiver.heard[0][2]), token_of(receiver.heard[-1][2])
    assert first.payload["jti"] != last.payload["jti"]
    assert last.seconds("iat") == house.clock.now == first.seconds("iat") + 600
    assert first.payload["sid"] == last.payload["sid"]


async def test_apps_and_logins_apart_hear_of_their_own(
    house: House, login: Token, receiver: Receiver, tmp_path: Path
) -> None:
    other = await house.here.log_in()
    wiki, elsewhere = await house.tokens("wiki", login), await house.tokens("wiki", other)
    spa2 = await house.tokens("spa2", login)

    await log_out(house, login, tmp_path)
    async with telling(house):
        await nothing_waits(house)

    heard = {path: token_of(form) for path, _, form in receiver.heard}
    assert {path: token.payload["sid"] for path, token in heard.items()} == {
        "/wiki": said(wiki["id_token"])["sid"],
        "/spa2": said(spa2["id_token"])["sid"],
    }
    assert len(receiver.heard) == 2
    assert said(elsewhere["id_token"])["sid"] != said(wiki["id_token"])["sid"]


async def test_an_app_that_is_still_signed_in_or_gave_its_token_back_hears_nothing(
    house: House, login: Token, receiver: Receiver
) -> None:
    first, _second = await house.tokens("wiki", login), await house.tokens("wiki", login)
    grants = GrantAdmin(house.acts, KEYS, "cli:root")
    one, *_rest = await grants.list("ada", "wiki")
    assert await grants.revoke(one.grant.id)
    for body in (first, _second):
        form = {"token": body["refresh_token"], "client_id": "wiki", "client_secret": SECRET}
        assert (await house.post("/oauth2/revoke", form)).status == 200

    async with telling(house):
        await nothing_waits(house)

    assert await house.live_grants() == 0
    assert receiver.heard == []


async def test_a_logout_that_is_not_committed_tells_nobody(house: House, login: Token) -> None:
    await house.tokens("wiki", login)

    async def fail() -> None:
        async with house.acts.begin() as act:
            await act.logins.end(login.login_id, "logout", act.now)
            await tell_apps(act, [login.login_id])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await waiting(house) == 0


async def test_a_token_is_worthless_after_a_day(house: House, login: Token, receiver: Receiver, tmp_path: Path) -> None:
    await house.tokens("wiki", login)
    await log_out(house, login, tmp_path)
    metrics = Metrics(1)
    keeper = OutboxKeeper(house.pool, metrics.slot(0))
    async with house.pool.acquire() as connection:
        left_s = await connection.fetchval("SELECT extract(epoch FROM worthless_at - now())::float8 FROM outbox")
        assert 86_000 < left_s <= 86_400
        await keeper.purge()
        assert await waiting(house) == 1
        await connection.execute("UPDATE outbox SET worthless_at = now()")
        assert await Outbox(connection).claim(MessageKind.LOGOUT, 60) is None

    async with telling(house):
        await keeper.purge()

    assert await waiting(house) == 0
    assert receiver.heard == []


async def test_an_app_that_hangs_holds_up_no_other(
    house: House, login: Token, receiver: Receiver, tmp_path: Path
) -> None:
    """Of one app at most two messages are on their way at once, whatever the number of workers."""
    logins = [login, *[await house.here.log_in() for _ in range(3)]]
    for one in logins:
        await house.tokens("wiki", one)
        await log_out(house, one, tmp_path)
    async with house.pool.acquire() as connection:
        outbox = Outbox(connection)
        claimed = [await outbox.claim(MessageKind.LOGOUT, 60) for _ in range(3)]
        assert [one is not None for one in claimed] == [True, True, False]
    await house.tokens("spa2", await house.here.log_in())
    with_spa2 = await house.here.log_in()
    await house.tokens("spa2", with_spa2)
    await log_out(house, with_spa2, tmp_path)

    async with telling(house):
        await receiver.has_taken(1)

    assert [path for path, _, _ in receiver.heard] == ["/spa2"]


async def test_an_address_inside_is_not_asked_unless_it_is_allowed(
    house: House, login: Token, receiver: Receiver, tmp_path: Path
) -> None:
    """O8."""
    await house.tokens("wiki", login)
    await log_out(house, login, tmp_path)

    async with telling(house, NetworkSet.of(())), house.pool.acquire() as connection:
        for _ in range(3_000):
            if await connection.fetchval("SELECT status <> '' FROM outbox"):
                break
            await asyncio.sleep(0.01)
        status = await connection.fetchval("SELECT status FROM outbox")

    assert "internal" in status
    assert receiver.heard == []
    assert await waiting(house) == 1


async def test_without_a_signing_key_it_is_tried_again(
    house: House, login: Token, receiver: Receiver, tmp_path: Path
) -> None:
    await house.tokens("wiki", login)
    await log_out(house, login, tmp_path)
    without = replace(channel(house), signer=NO_KEYS.signer)
    async with house.pool.acquire() as connection:
        claimed = await Outbox(connection).claim(MessageKind.LOGOUT, 60)
    assert claimed is not None

    with pytest.raises(Undelivered, match="no key signs with RS256 now"):
        await without.send(claimed.sealed.decode())

    assert receiver.heard == []


async def test_a_message_is_kept_as_one_about_its_person(house: House, login: Token, tmp_path: Path) -> None:
    await house.tokens("wiki", login)
    await log_out(house, login, tmp_path)

    async with house.pool.acquire() as connection:
        assert await connection.fetchval("SELECT user_id FROM outbox") == ADA


async def test_an_app_that_is_away_while_its_person_is_erased_hears_of_it_later(
    house: House, login: Token, receiver: Receiver, tmp_path: Path
) -> None:
    """X10: the message holds ids and outlives the person's key."""
    identity = said((await house.tokens("wiki", login))["id_token"])
    receiver.answer = with_status(503)
    erasure = Erasure(house.acts, KEYS, NodeFiles(tmp_path, tmp_path))

    async with telling(house):
        certificate = await erasure.finish(await erasure.erase("ada", "asked", "cli:root"))
        await receiver.has_heard(2)
        receiver.answer = with_status(200)
        await receiver.has_taken(1)
        await nothing_waits(house)

    token = token_of(receiver.heard[-1][2])
    assert (token.payload["sub"], token.payload["sid"]) == (identity["sub"], identity["sid"])
    assert certificate.reach.clients == ("wiki",)
