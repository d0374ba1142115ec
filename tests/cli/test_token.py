"""`bastion token explain`: an operator learns why the gateway refuses a token, and the terminal never shows it."""

import hashlib
import json
import time
from dataclasses import dataclass
from uuid import UUID

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.base64url import b64
from gateway.core.jose.keys import SigningKey
from gateway.core.keys import Keys
from gateway.core.policy.reading.registered import plain_settings
from gateway.core.principal.ask import Presented
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.session.tokens import tag_of
from gateway.core.token.access import AccessTokens, grant_credential
from gateway.stores.postgres.clients import ClientRows
from gateway.stores.postgres.grants import Grants, NewGrant
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.vault import Vault
from tests.cli.conftest import Bastion, Ran
from tests.clients.declared import KEYS as CLIENT_KEYS
from tests.clients.declared import pem
from tests.conftest import Pool, RandomBytes

LOGIN, GRANT = b"l" * 16, b"g" * 16
SERVERS = Keys.derive(bytes(range(1, 33)), bytes(range(2, 34)))
SIGNER, PROVER = CLIENT_KEYS["ES256"], SigningKey.generate("ES256")
API = "https://api.example.com"
POLICY = """
define: {scopes: {notes.read: Read your notes}}
clients:
  wiki: {name: Wiki, type: spa, redirect_uris: https://wiki.example.com/cb, scopes: [openid, notes.read], resources: https://api.example.com}
apps:
  api: {hosts: api.example.com, credentials: [bearer, dpop], allow: {scopes: notes.read}}
  files: {hosts: files.example.com, allow: authenticated}
"""


@dataclass(slots=True)
class App:
    """What ada let in, with a key that this fleet signs with."""

    bastion: Bastion
    user_id: UUID

    def token(self, *, jkt: str = "", age: int = 0, audience: str = API) -> str:
        return AccessTokens("https://auth.example.com", SERVERS.token).issue(
            SIGNER,
            Presented(tag_of(SERVERS.tag, self.user_id), b64(LOGIN), grant_credential(GRANT)),
            client="wiki",
            subject="u",
            scopes=("notes.read",),
            audience=audience,
            now=int(time.time()) - age,
            ttl_s=900,
            jkt=jkt,
        )

    async def explained(self, text: str, *arguments: str) -> Ran:
        ran = await self.bastion("token", "explain", *arguments, stdin=text)
        secrets = [word for word in text.split() if len(word) > 40]
        assert not any(part in ran.out + ran.err for word in secrets for part in word.split("."))
        return ran


def said(ran: Ran) -> dict[str, str]:
    """By check."""
    checks = ran.out.partition("\n\npolicy")[0].splitlines()[1:]
    return {line[:22].strip(): line[22:] for line in checks}


def refusals(ran: Ran) -> list[str]:
    return [name for name, text in said(ran).items() if text.startswith("refuses")]


def prove(token: str) -> str:
    claims = {"jti": "x" * 50, "htm": "GET", "htu": f"{API}/x", "iat": int(time.time())}
    claims["ath"] = b64(hashlib.sha256(token.encode()).digest())
    return PROVER.sign("dpop+jwt", claims, jwk=dict(PROVER.verification.jwk))


@pytest.fixture
async def app(bastion: Bastion, pool: Pool) -> App:
    (bastion.directory / "policies").mkdir()
    (bastion.directory / "policies" / "api.yaml").write_text(POLICY)
    (bastion.directory / "key.pem").write_text(pem("ES256"))
    for arguments in (
        ("user", "add", "ada", "--group", "staff", "--password-stdin"),
        ("signing-key", "import", "key.pem"),
    ):
        ran = await bastion(*arguments, stdin="correct horse battery\n")
        assert ran.status == 0, ran.err
    now = int(time.time())
    async with pool.acquire() as connection, connection.transaction():
        user_id: UUID = await connection.fetchval("SELECT id FROM users")
        vault = Vault(MasterKeys([bytes(range(32))]), SERVERS.blind_index, RandomBytes())
        logins, grants = Logins(connection, vault), Grants(connection)
        assert await logins.create(NewLogin(LOGIN, user_id, now, False, 1800, now + 9_000, "", ""))
        assert await logins.add_session(LOGIN, "client:wiki", grant_credential(GRANT), by_password(now), now)
        scopes, times = ("notes.read",), (now, now + 9_000, 1800)
        await grants.add(NewGrant(GRANT, "wiki", user_id, LOGIN, scopes, API, now, 0, (), "", None, *times))
    return App(bastion, user_id)


async def test_a_good_token_passes_and_policy_is_asked(app: App) -> None:
    ran = await app.explained(app.token(), "--url", f"{API}/x")

    assert ran.status == 0, ran.out
    assert refusals(ran) == []
    assert ran.out.startswith("client wiki, scopes notes.read, for https://api.example.com, made ")
    assert said(ran)["record in Postgres"] == "passes"
    assert "person   ada   groups staff" in ran.out
    assert "bearer of client wiki" in ran.out
    assert "answer   allow" in ran.out


async def test_policy_is_asked_with_the_registered_clients(app: App, pool: Pool) -> None:
    head, rest = POLICY.split("clients:\n")
    line, apps = rest.split("\n", 1)
    (app.bastion.directory / "policies" / "api.yaml").write_text(head + apps)
    unknown = await app.explained(app.token(), "--url", f"{API}/x")
    async with pool.acquire() as connection:
        assert await ClientRows(connection).add(
            "wiki", json.dumps(plain_settings(line.partition(":")[2], "x")), None, 1
        )

    known = await app.explained(app.token(), "--url", f"{API}/x")

    assert "answer   allow" not in unknown.out
    assert "answer   allow" in known.out


async def test_a_request_is_read_as_the_app_sends_it(app: App) -> None:
    token = app.token(jkt=PROVER.verification.thumbprint)
    request = f"GET {API}/x HTTP/1.1\nHost: api.example.com\nAuthorization: DPoP {token}\nDPoP: {prove(token)}\n"
    (app.bastion.directory / "request").write_text(request)

    ran = await app.bastion("token", "explain", "--file", "request")
    bare = await app.explained(f"{token}\n{prove(token)}\n", "--url", f"{API}/x")
    posted = await app.explained(request, "--method", "POST")

    assert (ran.status, refusals(ran)) == (1, ["proof nonce"])  # such a proof can't have one: no node was asked
    assert "dpop of client wiki" in ran.out
    assert refusals(bare) == refusals(ran)
    assert refusals(posted) == ["proof htm"]


@pytest.mark.parametrize(
    ("change", "url", "refused"),
    [
        ({"age": 1000}, f"{API}/x", ["expiry"]),
        ({"audience": "https://auth.example.com"}, f"{API}/x", ["token aud"]),
        ({"jkt": PROVER.verification.thumbprint}, f"{API}/x", ["binding"]),
        ({}, "https://files.example.com/", ["route", "token aud"]),
        ({}, "https://nowhere.example.com/", ["route", "token aud"]),
        ({}, "", []),
    ],
)
async def test_what_refuses_it_is_named(app: App, change: dict[str, str], url: str, refused: list[str]) -> None:
    ran = await app.explained(app.token(**change), *(["--url", url] if url else []))  # type: ignore[arg-type]  # parameters of token

    assert (refusals(ran), ran.status) == (refused, 1 if refused else 0)
    assert ("policy, for" in ran.out) == bool(url)


async def test_the_end_of_a_grant_and_of_a_person_is_seen(app: App, redis: Redis) -> None:
    token = app.token()
    before = await app.explained(token)
    assert (await app.bastion("grant", "revoke", b64(GRANT))).status == 0
    revoked = await app.explained(token)
    assert (await app.bastion("user", "disable", "ada")).status == 0
    disabled = await app.explained(token)

    assert refusals(before) == []
    assert said(before)["record in Redis"].startswith("not known")  # nobody has used it
    assert "the grant has ended" in said(revoked)["record in Postgres"]
    assert "record in Redis" in refusals(disabled)
    assert "its person is disabled" in said(disabled)["record in Postgres"]
    assert await redis.dbsize() > 0


async def test_a_token_of_others_is_refused_without_a_store(app: App) -> None:
    ran = await app.explained(PROVER.sign("at+jwt", {"iss": "https://auth.example.com", "sub": "x" * 60}))

    assert ran.status == 1
    assert "token kid             refuses" in ran.out
    assert "record in" not in ran.out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected one access token, found 0"),
        ("Authorization: Bearer a\nAuthorization: Bearer b", "expected one access token, found 2"),
        ("bst_" + "x" * 97, "this is an API key"),
    ],
)
async def test_what_is_no_access_token_is_said(bastion: Bastion, text: str, why: str) -> None:
    ran = await bastion("token", "explain", stdin=text)

    assert (ran.status, why in ran.err) == (2, True)
    assert "x" * 97 not in ran.err


async def test_without_redis_the_rest_is_judged(app: App) -> None:
    app.bastion.configure(redis_url=f"unix://default@{app.bastion.directory}/none.sock")

    ran = await app.explained(app.token(), "--url", f"{API}/x")

    assert ran.status == 0, ran.err
    assert said(ran)["record in Redis"].startswith("not known    Redis does not answer")
    assert said(ran)["record in Postgres"] == "passes"
