"""The token, PAR, userinfo, introspection and revocation endpoints on real stores, and apps that use them."""

import asyncio
import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from gateway.core.base64url import b64
from gateway.core.jose.keys import SigningKey, VerificationKey
from gateway.core.mail.links import LinkKind
from gateway.core.oauth.code import CODE_BYTES, CODE_S, CodeContent, authorization_code_hash, code_text
from gateway.core.oauth.request import Published
from gateway.core.policy.model import Policy
from gateway.core.policy.networks import NetworkSet
from gateway.core.principal.ask import Presented, Standing
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.session.tokens import Token, tag_of
from gateway.core.token.access import AccessTokens
from gateway.core.token.nonce import Nonces
from gateway.core.token.refresh import RefreshTokens
from gateway.core.token.signing_keys import KeySet
from gateway.flows.act import Acts
from gateway.flows.mail.notices import Notices
from gateway.flows.oauth.authenticate_client import ClientAuthentication, ClientLimits
from gateway.flows.oauth.client_keys import ClientKeys
from gateway.flows.oauth.exchange import CodeExchange
from gateway.flows.oauth.introspect import Introspection, Revocation
from gateway.flows.oauth.issue import Issuer
from gateway.flows.oauth.known_tokens import KnownTokens
from gateway.flows.oauth.par import Par, ParLimits, PushedParameters
from gateway.flows.oauth.proofs import ProofCheck
from gateway.flows.oauth.refresh import RefreshExchange
from gateway.flows.oauth.service_tokens import ServiceTokens
from gateway.flows.oauth.userinfo import UserInfo
from gateway.flows.people.passwords import Passwords
from gateway.flows.people.users import UserAdmin
from gateway.outbound.guarded import GuardedClient
from gateway.stores.postgres.codes import Codes
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.proofs import Proofs
from gateway.web.forms import AuthHost
from gateway.web.oauth import introspect, par, revoke, token, userinfo
from gateway.web.protocol import protocol_middleware, protocol_routes
from tests.conftest import Clock, Pool
from tests.core.forward.setting import KEYS
from tests.deciding import ADA, Deciding, deciding
from tests.oauth_clients import ES256, ISSUER, RS256, SECRET, policy_of
from tests.running import running

MINUTE_US = 60_000_000
VERIFIER = "v" * 43
CHALLENGE = b64(hashlib.sha256(VERIFIER.encode()).digest())
REDIRECTS = {
    "spa": "https://spa.example.org/cb",
    "spa2": "https://spa2.example.org/cb",
    "wiki": "https://wiki.example.org/cb",
    "bank": "https://pay.example.org/cb",
    "jwt": "https://jwt.example.org/cb",
    "notes": "https://notes.example.org/cb",
}
_NUMBERS = count(1)


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def error(self) -> str:
        return str(self.body.get("error", ""))


@dataclass
class Dpop:
    """A client's key, and the nonce that it was told last."""

    house: "House"
    key: SigningKey = field(default_factory=lambda: SigningKey.generate("ES256"))
    nonce: str = ""

    @property
    def jkt(self) -> str:
        return self.key.verification.thumbprint

    def proof(self, path: str = "/oauth2/token", method: str = "POST", token: str = "", **claims: Any) -> str:
        said = {
            "jti": f"proof-{next(_NUMBERS)}",
            "htm": method,
            "htu": ISSUER + path,
            "iat": self.house.clock.now,
            "nonce": self.nonce or None,
            "ath": b64(hashlib.sha256(token.encode()).digest()) if token else None,
        } | claims
        payload = {name: value for name, value in said.items() if value is not None}
        return self.key.sign("dpop+jwt", payload, jwk=dict(self.key.verification.jwk))


@dataclass(repr=False)
class House:
    """policy, signing: what the endpoints go by, and tests change. log: everything that was answered."""

    here: Deciding
    acts: Acts
    clock: Clock
    http: "TestClient[web.Request, web.Application]"
    policy: list[Policy]
    counted: Counter[str]
    keys: dict[str, VerificationKey]
    signers: dict[str, SigningKey]

    @property
    def pool(self) -> Pool:
        return self.here.pool

    @contextmanager
    def admin(self) -> Iterator[UserAdmin]:
        """An operator's."""
        passwords = Passwords({"p1": b"p" * 32}, threads=1, cost=4)
        yield UserAdmin(self.acts, passwords, KEYS, self.here.random, "cli:root")
        passwords.close()

    async def post(self, path: str, form: Mapping[str, str], *headers: tuple[str, str]) -> Answered:
        return await self.send("POST", path, *headers, form=form)

    async def send(
        self,
        method: str,
        path: str,
        *headers: tuple[str, str],
        form: Mapping[str, str] | None = None,
        body: str = "",
    ) -> Answered:
        sent = CIMultiDict([("Host", "auth.example.org"), ("X-Forwarded-For", "203.0.113.7"), *headers])
        answer = await self.http.request(method, path, data=form or body.encode(), headers=sent)
        text = await answer.text()
        return Answered(answer.status, answer.headers, await answer.json() if text else {})

    async def code(self, client: str, login: Token, scope: str = "openid", **content: Any) -> str:
        """As the authorization endpoint makes one."""
        text = code_text(self.here.random(CODE_BYTES))
        code_hash = authorization_code_hash(text)
        assert code_hash is not None
        declared = self.policy[0].clients[client]
        fine = CodeContent(
            redirect_uri=REDIRECTS[client],
            scopes=tuple(scope.split()),
            resource=declared.resources[0] if declared.resources else ISSUER,
            code_challenge=CHALLENGE,
            nonce="n-1",
            jkt="",
            claims={},
            authenticated_at=self.clock.now - 5,
            mfa_at=0,
            amr=("pwd",),
            offline=False,
        )
        async with self.pool.acquire() as connection, connection.transaction():
            codes = Codes(connection, self.here.vault)
            until = self.clock.now + CODE_S
            await codes.add(code_hash, client, ADA, login.login_id, replace(fine, **content), until)
        return text

    def exchange_form(self, client: str, code: str, /, **changed: str) -> dict[str, str]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECTS[client],
            "code_verifier": VERIFIER,
        }
        own = {"client_id": client} if client in ("spa", "spa2") else {}
        secret = {"client_id": client, "client_secret": SECRET} if client == "wiki" else {}
        return {name: value for name, value in {**form, **own, **secret, **changed}.items() if value}

    async def exchange(self, client: str, code: str, /, *headers: tuple[str, str], **changed: str) -> Answered:
        return await self.post("/oauth2/token", self.exchange_form(client, code, **changed), *headers)

    async def tokens(self, client: str, login: Token, scope: str = "openid") -> dict[str, Any]:
        answered = await self.exchange(client, await self.code(client, login, scope))
        assert answered.status == 200, answered.body
        return answered.body

    async def refresh(self, client: str, text: str, *headers: tuple[str, str], **more: str) -> Answered:
        own = {"client_id": client} | ({"client_secret": SECRET} if client == "wiki" else {})
        return await self.post(
            "/oauth2/token", {"grant_type": "refresh_token", "refresh_token": text, **own, **more}, *headers
        )

    async def userinfo(self, text: str, scheme: str = "Bearer", *headers: tuple[str, str]) -> Answered:
        return await self.send("GET", "/oauth2/userinfo", ("Authorization", f"{scheme} {text}"), *headers)

    async def passes(self, text: str) -> bool:
        """What a decision would find out of an access token: whether the live copy knows its credential."""
        read = AccessTokens(ISSUER, KEYS.token).read(text, self.keys, None)
        reply = await self.here.decisions.standing_of(read.presented)
        return reply.outcome is Standing.LIVE

    async def entries(self, *kinds: str) -> list[tuple[str, str, str]]:
        """kind, actor and detail."""
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT kind, actor, detail FROM audit_entries WHERE kind = ANY($1::text[]) ORDER BY id", list(kinds)
            )
        return [(row["kind"], row["actor"], row["detail"]) for row in rows]

    async def live_grants(self) -> int:
        async with self.pool.acquire() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM grants WHERE ended_at IS NULL"))

    def presented(self, login: Token) -> Presented:
        return Presented(login.tag, login.login, b"\0" * 16)


def basic(client: str, secret: str = SECRET) -> tuple[str, str]:
    return "Authorization", "Basic " + b64encode(f"{client}:{secret.replace(' ', '+')}".encode()).decode()


def said(text: str) -> dict[str, Any]:
    """The claims of a token, without looking at its signature."""
    claims: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return claims


@asynccontextmanager
async def house_at(pool: Pool, redis_url: str, now: int, most: int = 600) -> AsyncIterator[House]:
    """now: that of the real Redis. most: requests of a client, and failures of an address, a minute."""
    clock, policy, counted = Clock(now=now), [policy_of()], Counter[str]()
    async with deciding(pool, redis_url, now) as here, running(Pipeline(redis_url, 10)) as pipeline:
        functions = FunctionCalls(pipeline, library())
        acts = replace(here.acts, clock=clock.seconds)
        keys = {key.kid: key.verification for key in (ES256,)}
        tokens, refresh = AccessTokens(ISSUER, KEYS.token), RefreshTokens(KEYS.refresh)
        notices = Notices(is_on=True, lifetimes_s=dict.fromkeys(LinkKind, 604_800), random=here.random)
        signers = {"ES256": ES256, "RS256": RS256}

        def signer(alg: str) -> SigningKey:
            return KeySet(keys, signers, b"", "").signer(alg or "ES256")

        issuer = Issuer(ISSUER, tokens, signer, KEYS.tag, KEYS.token)
        limits = ClientLimits(
            BucketNames(KEYS.bucket),
            Limit("OAUTH.TOKEN", most, MINUTE_US, most),
            Limit("OAUTH.CLIENT_FAILED", most, MINUTE_US, most),
        )
        client_keys = ClientKeys(acts, GuardedClient(NetworkSet.of(())).document, lambda one: counted.update([one]))
        clients = ClientAuthentication(acts, Buckets(functions), limits, lambda: policy[0], ISSUER, client_keys)
        proofs = ProofCheck(Proofs(functions), Nonces(KEYS.nonce), ISSUER)
        par_limits = ParLimits(
            limits.names, Limit("OAUTH.PAR", most, MINUTE_US, most), Limit("OAUTH.PAR_PUBLIC", most, MINUTE_US, most)
        )
        pushed = PushedParameters(acts, KEYS.pushed, here.random)
        known = KnownTokens(acts, here.decisions, tokens, refresh, lambda: keys, lambda: policy[0], KEYS.tag)
        endpoint = token.TokenEndpoint(
            issuer.ready,
            clients,
            proofs,
            CodeExchange(acts, KEYS, here.decisions, issuer, refresh, here.random, notices),
            RefreshExchange(acts, KEYS, here.decisions, issuer, refresh, lambda outcome: counted.update([outcome])),
            ServiceTokens(acts, issuer, here.random),
            lambda grant_type: counted.update([grant_type]),
        )

        def published() -> Published:
            return Published(ISSUER, keys)

        endpoints = [
            *token.routes(endpoint),
            *par.routes(clients, proofs, Par(pushed, Buckets(functions), par_limits, lambda: policy[0], published)),
            *userinfo.routes(UserInfo(known, issuer, proofs)),
            *introspect.routes(clients, Introspection(known, issuer)),
            *revoke.routes(clients, Revocation(acts, known, KEYS.tag)),
        ]
        site = AuthHost(ISSUER, KEYS.csrf)
        speak = protocol_middleware(
            site, endpoints, here.random, lambda _origin: False, lambda _error: None, lambda *_told: None
        )
        app = web.Application(middlewares=[speak], client_max_size=16_384)
        app.add_routes(protocol_routes(endpoints))
        await here.add_person()
        async with TestClient(TestServer(app)) as http:
            yield House(here, acts, clock, http, policy, counted, keys, signers)
        await asyncio.sleep(0)


def tag() -> str:
    return tag_of(KEYS.tag, ADA)
