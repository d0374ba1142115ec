"""Codes become tokens, once; whoever comes again ends them, whatever comes at once. Apps get tokens for themselves."""

import asyncio
import time
from pathlib import Path
from urllib.parse import quote_plus

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from gateway.core.base64url import b64
from gateway.core.session.tokens import Token
from tests.conftest import Pool
from tests.oauth_clients import ES256, ISSUER, SECRET
from tests.web.oauth_house import VERIFIER, House, basic, house_at, said


async def test_a_code_becomes_tokens_that_live_with_the_login(house: House, login: Token) -> None:
    answered = await house.exchange("spa", await house.code("spa", login, "openid email notes.read"))
    body = answered.body

    assert (answered.status, body["token_type"], body["expires_in"]) == (200, "Bearer", 900)
    assert body["scope"] == "email notes.read openid"
    assert answered.headers["Cache-Control"] == "no-store"
    assert await house.passes(body["access_token"])
    access, identity = said(body["access_token"]), said(body["id_token"])
    assert (access["iss"], access["aud"], access["client_id"]) == (ISSUER, ISSUER, "spa")
    assert access["exp"] - access["iat"] == 900
    assert access["sub"] == identity["sub"] == "u_" + "0" * 31 + "1"
    assert (identity["aud"], identity["nonce"], identity["acr"], identity["amr"]) == ("spa", "n-1", "1", ["pwd"])
    assert identity["auth_time"] == house.clock.now - 5
    assert identity["sid"] == access["sid"]
    assert "preferred_username" not in identity
    assert await house.entries("grant_issued") == [("grant_issued", "client:spa", (await _issued(house))[2])]
    await house.here.end(login)
    assert not await house.passes(body["access_token"])
    assert (await house.refresh("spa", body["refresh_token"])).error == "invalid_grant"


async def _issued(house: House) -> tuple[str, str, str]:
    (entry,) = await house.entries("grant_issued")
    return entry


async def test_fifty_parallel_exchanges_of_one_code_give_one_set_of_tokens_and_it_works(
    house: House, login: Token
) -> None:
    code = await house.code("spa", login)

    answers = await asyncio.gather(*(house.exchange("spa", code) for _ in range(50)))

    (won,) = [one for one in answers if one.status == 200]
    assert {(one.status, one.error) for one in answers if one is not won} == {(400, "invalid_grant")}
    assert await house.passes(won.body["access_token"])
    assert (await house.refresh("spa", won.body["refresh_token"])).status == 200
    assert await house.live_grants() == 1
    assert await house.entries("code_reused") == []


@pytest.mark.parametrize("how", ["after 11 s", "with a wrong verifier", "by another client"])
async def test_a_code_in_strange_hands_ends_what_it_became(house: House, login: Token, how: str) -> None:
    code = await house.code("spa", login)
    body = (await house.exchange("spa", code)).body
    assert await house.passes(body["access_token"])
    if how == "after 11 s":
        house.clock.advance(11)

    client = "spa2" if how == "by another client" else "spa"
    verifier = "x" * 43 if how == "with a wrong verifier" else ""
    again = await house.exchange(client, code, **({"code_verifier": verifier} if verifier else {}))

    assert (again.status, again.error) == (400, "invalid_grant")
    assert not await house.passes(body["access_token"])
    assert (await house.refresh("spa", body["refresh_token"])).error == "invalid_grant"
    assert (await house.userinfo(body["access_token"])).status == 401
    assert [one[:2] for one in await house.entries("grant_ended", "code_reused")] == [
        ("grant_ended", "gateway"),
        ("code_reused", "gateway"),
    ]
    assert await house.here.decisions.authenticate(login.text, "wiki.example.org") is not None, "the login goes on"


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "verifier": ({"code_verifier": "x" * 43}, "invalid_grant"),
    "no verifier": ({"code_verifier": ""}, "invalid_grant"),
    "redirect_uri": ({"redirect_uri": "https://spa.example.org/cb/"}, "invalid_grant"),
    "no redirect_uri": ({"redirect_uri": ""}, "invalid_request"),
    "client": ({"client_id": "spa2"}, "invalid_grant"),
    "code": ({"code": "x" * 43}, "invalid_grant"),
    "half a code": ({"code": "x"}, "invalid_grant"),
    "no code": ({"code": ""}, "invalid_request"),
    "resource": ({"resource": "https://other.example.org"}, "invalid_target"),
    "no client": ({"client_id": "nobody"}, "invalid_client"),
    "grant_type": ({"grant_type": "password"}, "unsupported_grant_type"),
    "no grant_type": ({"grant_type": ""}, "invalid_request"),
    "another grant_type": ({"grant_type": "client_credentials"}, "unauthorized_client"),
}


@pytest.mark.parametrize(("changed", "error"), WRONG.values(), ids=WRONG)
async def test_whatever_is_wrong_burns_no_code(house: House, login: Token, changed: dict[str, str], error: str) -> None:
    code = await house.code("spa", login)

    refused = await house.exchange("spa", code, **changed)
    right = await house.exchange("spa", code)

    assert (refused.status, refused.error) == (401 if error == "invalid_client" else 400, error)
    assert code not in str(refused.body)
    assert right.status == 200


async def test_a_code_is_good_for_a_minute(house: House, login: Token) -> None:
    code, late = await house.code("spa", login), await house.code("spa", login)
    house.clock.advance(59)
    assert (await house.exchange("spa", code)).status == 200
    house.clock.advance(1)

    assert (await house.exchange("spa", late)).error == "invalid_grant"


@pytest.mark.parametrize("how", ["recorded", "denied in Redis only"])
async def test_a_code_of_a_login_that_ended_is_worth_nothing(house: House, login: Token, how: str) -> None:
    """The second is a logout while Postgres was away: the marker in Redis counts before Postgres is asked (O1)."""
    code = await house.code("spa", login)
    if how == "recorded":
        await house.here.end(login)
    else:
        await house.acts.deny_until(login.tag, login.login, house.clock.now + 3600)

    assert (await house.exchange("spa", code)).error == "invalid_grant"
    assert await house.live_grants() == 0


async def test_a_code_is_worth_nothing_once_policy_lets_its_person_use_the_app_no_more(
    house: House, login: Token
) -> None:
    """X4: an ID token would still tell the app about them."""
    code, other = await house.code("spa2", login), await house.code("spa", login)
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE users SET groups = '{}', version = version + 1")

    assert (await house.exchange("spa2", code)).error == "invalid_grant"
    assert (await house.exchange("spa", other)).status == 200
    assert await house.live_grants() == 1


async def test_an_app_has_five_grants_of_a_login_and_the_oldest_ends(house: House, login: Token) -> None:
    sets = []
    for _ in range(6):
        sets.append(await house.tokens("spa", login))
        house.clock.advance(1)

    assert not await house.passes(sets[0]["access_token"])
    assert (await house.refresh("spa", sets[0]["refresh_token"])).error == "invalid_grant"
    for one in sets[1:]:
        assert (await house.refresh("spa", one["refresh_token"])).status == 200
    assert await house.live_grants() == 5
    assert ['"why":"surplus"' in one[2] for one in await house.entries("grant_ended")] == [True]


async def test_without_redis_nobody_gets_tokens_and_the_code_waits(pool: Pool, tmp_path: Path) -> None:
    async with house_at(pool, f"unix://{tmp_path}/nobody.sock", int(time.time())) as house:
        login = await house.here.log_in()
        code = await house.code("wiki", login)

        answered = await house.exchange("wiki", code)

        assert (answered.status, answered.error) == (503, "temporarily_unavailable")
        assert "Retry-After" in answered.headers
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT used_at FROM codes") is None


async def test_without_a_key_to_sign_with_nothing_is_used_up(house: House, login: Token) -> None:
    code, first = await house.code("wiki", login), (await house.tokens("wiki", login))["refresh_token"]
    key = house.signers.pop("RS256")

    refused = [await house.exchange("wiki", code), await house.refresh("wiki", first)]
    house.signers["RS256"] = key

    assert {(one.status, one.error) for one in refused} == {(503, "temporarily_unavailable")}
    assert (await house.exchange("wiki", code)).status == 200
    assert (await house.refresh("wiki", first)).status == 200
    assert house.counted["repeated"] == 0


async def test_who_asks_too_often_or_fails_too_often_waits(pool: Pool, redis: Redis, redis_url: str) -> None:
    await redis.ping()
    async with house_at(pool, redis_url, int(time.time()), most=2) as house:
        robot = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET}
        asked = [await house.post("/oauth2/token", robot) for _ in range(3)]
        elsewhere = await house.post("/oauth2/introspect", {"token": "x"}, basic("robot"))
        other = await house.post("/oauth2/token", {**robot, "client_id": "keeper"})
        failed = [await house.post("/oauth2/token", {**robot, "client_id": "nobody"}) for _ in range(3)]

    assert [one.status for one in asked] == [200, 200, 429]
    assert 1 <= int(asked[-1].headers["Retry-After"]) <= 30
    assert elsewhere.status == 429, "one budget for all endpoints"
    assert other.status == 200
    assert [one.status for one in failed] == [401, 401, 429]


NAMES = ("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "resource", "client_id")
MORE = ("client_secret", "client_assertion", "client_assertion_type", "token", "token_type_hint", "x")
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["authorization_code", "refresh_token", "client_credentials", "spa", "wiki", SECRET, "x" * 43]),
    st.sampled_from(["v1.a.b.c.d", "a.b.c", "\0", "\ud800", "é", " ", "x" * 1500]),
)
ENDPOINTS = st.sampled_from(["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/userinfo"])
LINES = st.sampled_from(["", "Basic", "Basic x", "Basic d2lraTp4", "Bearer x", "Bearer a.b.c", "DPoP a.b.c", "a, b"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=ENDPOINTS,
    pairs=st.lists(st.tuples(st.sampled_from(NAMES + MORE), TEXTS), max_size=8),
    headers=st.lists(st.tuples(st.sampled_from(["Authorization", "DPoP"]), LINES), max_size=3),
)
async def test_whatever_is_sent_is_answered_in_the_words_of_an_rfc(
    house: House, path: str, pairs: list[tuple[str, str]], headers: list[tuple[str, str]]
) -> None:
    body = "&".join(f"{name}={quote_plus(value.encode('utf-8', 'surrogatepass'))}" for name, value in pairs)
    form = ("Content-Type", "application/x-www-form-urlencoded")

    answered = await house.send("POST", path, form, *headers, body=body)

    assert answered.status in (200, 400, 401, 403, 413), answered.body
    assert answered.status == 200 or answered.error in ERRORS
    assert "Set-Cookie" not in answered.headers
    assert answered.headers["Cache-Control"] == "no-store"


ERRORS = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "invalid_dpop_proof",
    "use_dpop_nonce",
}


async def test_nothing_secret_reaches_the_log_or_an_error(
    house: House, login: Token, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    code = await house.code("wiki", login)
    body = (await house.exchange("wiki", code)).body
    texts = [code, SECRET, body["access_token"], body["refresh_token"], VERIFIER]

    answers = [
        await house.exchange("wiki", code, code_verifier="x" * 43),
        await house.exchange("wiki", code, redirect_uri=VERIFIER),
        await house.refresh("wiki", body["refresh_token"]),
        await house.refresh("spa", body["refresh_token"]),
        await house.userinfo(body["access_token"]),
        await house.userinfo(body["access_token"], "DPoP"),
        await house.post("/oauth2/introspect", {"token": body["access_token"]}, basic("wiki", SECRET + "x")),
        await house.post("/oauth2/revoke", {"token": body["refresh_token"], "client_secret": SECRET}),
    ]

    assert {one.status for one in answers} <= {400, 401}
    assert len(caplog.records) >= len(answers)
    shown = "\n".join([*(str(vars(record)) for record in caplog.records), *(str(one.body) for one in answers)])
    shown += "\n".join(str(one.headers) for one in answers)
    for text in texts:
        assert text not in shown


async def test_basic_and_form_carry_the_same_secret(house: House, login: Token) -> None:
    code = await house.code("wiki", login)

    both = await house.exchange("wiki", code, basic("wiki"))
    refused = await house.exchange("wiki", code, basic("wiki", "wrong"), client_id="", client_secret="")
    answered = await house.exchange("wiki", code, basic("wiki"), client_id="", client_secret="")

    assert both.error == "invalid_request"
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="oauth2"')
    assert answered.status == 200


async def test_an_oidc_client_gets_rs256_id_tokens_with_what_its_scopes_say(house: House, login: Token) -> None:
    body = await house.tokens("wiki", login, "openid profile groups")

    assert jwt.get_unverified_header(body["id_token"])["alg"] == "RS256"
    assert jwt.get_unverified_header(body["access_token"]) == {"alg": "ES256", "typ": "at+jwt", "kid": ES256.kid}
    claims = said(body["id_token"])
    assert (claims["preferred_username"], claims["groups"]) == ("ada", ["staff"])
    assert "email" not in claims


async def test_an_app_gets_tokens_for_itself_on_one_standing_grant(house: House) -> None:
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET}

    answers = await asyncio.gather(*(house.post("/oauth2/token", form) for _ in range(10)))
    narrow = await house.post("/oauth2/token", {**form, "scope": "notes.read"})

    assert {one.status for one in (*answers, narrow)} == {200}
    claims = said(answers[0].body["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("robot", "robot", "https://api.example.org")
    assert answers[0].body["scope"] == "notes.read notes.write"
    assert narrow.body["scope"] == "notes.read"
    assert {"refresh_token", "id_token"}.isdisjoint(answers[0].body)
    assert await house.live_grants() == 2, "one for each scope"
    assert [one[1] for one in await house.entries("grant_issued")] == ["client:robot"] * 2


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "notes.read other"}, "invalid_scope"),
        ({"resource": "https://other.example.org"}, "invalid_target"),
        ({"client_secret": "x" * 32}, "invalid_client"),
        ({"client_id": "spa", "client_secret": ""}, "unauthorized_client"),
        ({"client_id": "wiki"}, "unauthorized_client"),
    ],
)
async def test_an_app_gets_no_more_for_itself_than_policy_says(house: House, more: dict[str, str], error: str) -> None:
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET, **more}

    answered = await house.post("/oauth2/token", {name: value for name, value in form.items() if value})

    assert answered.error == error
    assert await house.live_grants() == 0


async def test_nothing_secret_lies_in_a_column_or_an_entry(house: House, login: Token) -> None:
    code = await house.code("spa", login)
    body = (await house.exchange("spa", code)).body
    again = (await house.refresh("spa", body["refresh_token"])).body
    secrets = [code, SECRET]
    for one in (body, again):
        secrets += [one["access_token"], one["refresh_token"], one["id_token"], one["refresh_token"].split(".")[3]]

    async with house.pool.acquire() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [await connection.fetch(f"SELECT t::text AS row FROM {one['tablename']} t") for one in tables]
    written = "\n".join(row["row"] for found in rows for row in found)

    assert len(written) > 1000
    for secret in secrets:
        assert secret not in written
        assert secret.encode().hex() not in written


async def test_two_logins_have_their_own_grants(house: House) -> None:
    one, other = await house.here.log_in(), await house.here.log_in()
    of_one, of_other = await house.tokens("spa", one), await house.tokens("spa", other)

    await house.here.end(one)

    assert not await house.passes(of_one["access_token"])
    assert await house.passes(of_other["access_token"])
    assert said(of_one["access_token"])["sid"] != said(of_other["access_token"])["sid"]


async def test_tokens_of_one_person_for_two_clients_share_only_who_they_are(house: House, login: Token) -> None:
    """O5: no tag and no login id links them."""
    spa = said((await house.tokens("spa", login))["access_token"])
    wiki = said((await house.tokens("wiki", login))["access_token"])

    same = {name for name in spa if spa[name] == wiki.get(name)}
    assert same <= {"iss", "sub", "aud", "iat", "exp", "scope"}
    assert login.tag not in str(spa)
    assert b64(login.login_id) not in str(spa)
