"""DPoP at the token endpoint and at userinfo, and clients that authenticate by a signature."""

import asyncio
import time
from typing import Any

import pytest

from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.authentication import JWT_BEARER
from gateway.core.session.tokens import Token
from gateway.core.token.nonce import Nonces
from tests.core.forward.setting import KEYS
from tests.oauth_clients import ES256, Asserted
from tests.web.oauth_house import CHALLENGE, REDIRECTS, Answered, Dpop, House, said
from tests.web.test_token_users import introspect


@pytest.fixture
async def dpop(house: House) -> Dpop:
    """Has heard a nonce."""
    dpop = Dpop(house)
    heard = await house.refresh("spa", "x", ("DPoP", dpop.proof()))
    assert (heard.status, heard.error) == (400, "use_dpop_nonce")
    dpop.nonce = heard.headers["DPoP-Nonce"]
    return dpop


def signed(house: House, client: str, **claims: Any) -> dict[str, str]:
    text = Asserted(ES256, house.clock.now, claims=claims).text(client)
    return {"client_assertion": text, "client_assertion_type": JWT_BEARER}


async def bound(house: House, login: Token, dpop: Dpop, client: str = "spa", **content: Any) -> Answered:
    more = {} if client == "spa" else signed(house, client)
    code = await house.code(client, login, **content)
    return await house.exchange(client, code, ("DPoP", dpop.proof()), **more)


async def test_a_proof_binds_the_access_token_and_the_refresh_of_a_public_client(
    house: House, login: Token, dpop: Dpop
) -> None:
    body = (await bound(house, login, dpop)).body
    other = Dpop(house, nonce=dpop.nonce)

    assert body["token_type"] == "DPoP"
    assert said(body["access_token"])["cnf"] == {"jkt": dpop.jkt}
    for headers in ((), (("DPoP", other.proof()),)):
        assert (await house.refresh("spa", body["refresh_token"], *headers)).error == "invalid_grant"
    again = await house.refresh("spa", body["refresh_token"], ("DPoP", dpop.proof()))
    assert (again.status, again.body["token_type"]) == (200, "DPoP")


async def test_a_bound_client_gets_the_lost_answer_after_an_hour(house: House, login: Token, dpop: Dpop) -> None:
    first = (await bound(house, login, dpop)).body["refresh_token"]
    second = (await house.refresh("spa", first, ("DPoP", dpop.proof()))).body["refresh_token"]
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE grants SET rotated_at = rotated_at - 3600")

    assert (await house.refresh("spa", first, ("DPoP", dpop.proof()))).body["refresh_token"] == second
    assert (await house.refresh("spa", second, ("DPoP", dpop.proof()))).status == 200
    assert (await house.refresh("spa", first, ("DPoP", dpop.proof()))).error == "invalid_grant"
    assert (await house.refresh("spa", second, ("DPoP", dpop.proof()))).error == "invalid_grant"


async def test_a_proof_passes_once_however_many_bring_it(house: House, login: Token, dpop: Dpop) -> None:
    first = (await bound(house, login, dpop)).body["refresh_token"]
    proof = dpop.proof()

    answers = await asyncio.gather(*(house.refresh("spa", first, ("DPoP", proof)) for _ in range(8)))

    assert sorted(one.error for one in answers) == ["", *["invalid_dpop_proof"] * 7]


WRONG: dict[str, dict[str, Any]] = {
    "method": {"htm": "GET"},
    "address": {"htu": "https://auth.example.org/oauth2/par"},
    "host": {"htu": "https://other.example.org/oauth2/token"},
    "no jti": {"jti": None},
    "no iat": {"iat": None},
    "no htm": {"htm": None},
    "no htu": {"htu": None},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
async def test_a_wrong_proof_burns_no_code(house: House, login: Token, dpop: Dpop, claims: dict[str, Any]) -> None:
    code = await house.code("spa", login)

    refused = await house.exchange("spa", code, ("DPoP", dpop.proof(**claims)))

    assert (refused.status, refused.error) == (400, "invalid_dpop_proof")
    assert (await house.exchange("spa", code, ("DPoP", dpop.proof()))).status == 200


@pytest.mark.parametrize("seconds", [-3_600, -62, 17, 3_600])
async def test_a_proof_of_another_time_is_refused(house: House, login: Token, dpop: Dpop, seconds: int) -> None:
    """One that is far off has no nonce of its time either, and is told the one of now."""
    code = await house.code("spa", login)

    refused = await house.exchange("spa", code, ("DPoP", dpop.proof(iat=int(time.time()) + seconds)))

    assert (refused.status, refused.error in ("invalid_dpop_proof", "use_dpop_nonce")) == (400, True)


@pytest.mark.parametrize("seconds", [-10, 8])
async def test_a_clock_may_differ_a_little(house: House, login: Token, dpop: Dpop, seconds: int) -> None:
    code = await house.code("spa", login)

    assert (await house.exchange("spa", code, ("DPoP", dpop.proof(iat=int(time.time()) + seconds)))).status == 200


@pytest.mark.parametrize("nonce", [None, "", "x" * 30, "stale"])
async def test_a_proof_without_our_nonce_is_told_one(house: House, login: Token, dpop: Dpop, nonce: str | None) -> None:
    code, given = await house.code("spa", login), nonce
    if nonce == "stale":
        nonces, now = Nonces(KEYS.nonce), int(time.time())
        ours = nonces.read(dpop.nonce, now)
        assert ours is not None
        given = nonces.make(ours.inc, now - 600)

    refused = await house.exchange("spa", code, ("DPoP", dpop.proof(nonce=given)))

    if nonce == "":
        assert refused.error == "invalid_dpop_proof"
        return
    assert (refused.status, refused.error) == (400, "use_dpop_nonce")
    assert refused.headers["DPoP-Nonce"]


@pytest.mark.parametrize(("minutes", "told"), [(0, False), (1, True), (2, True)])
async def test_an_answer_brings_a_nonce_when_that_of_the_proof_is_of_an_earlier_minute(
    house: House, login: Token, dpop: Dpop, minutes: int, told: bool
) -> None:
    nonces = Nonces(KEYS.nonce)
    ours = nonces.read(dpop.nonce, int(time.time()))
    assert ours is not None
    dpop.nonce = nonces.make(ours.inc, house.clock.now - 60 * minutes)
    code = await house.code("spa", login)

    refused = await house.exchange("spa", "x" * 43, ("DPoP", dpop.proof()))
    answered = await house.exchange("spa", code, ("DPoP", dpop.proof()))

    assert (refused.error, answered.status) == ("invalid_grant", 200)
    assert [("DPoP-Nonce" in one.headers) for one in (refused, answered)] == [told, told]


@pytest.mark.parametrize(("minutes", "told"), [(0, False), (1, True)])
async def test_every_endpoint_brings_it_also_with_what_it_refuses_after_the_proof(
    house: House, login: Token, dpop: Dpop, minutes: int, told: bool
) -> None:
    tokens = [(await bound(house, login, dpop, scope=scope)).body["access_token"] for scope in ("openid", "notes.read")]
    ours = Nonces(KEYS.nonce).read(dpop.nonce, int(time.time()))
    assert ours is not None
    dpop.nonce = Nonces(KEYS.nonce).make(ours.inc, house.clock.now - 60 * minutes)
    path, other = "/oauth2/userinfo", Dpop(house, nonce=dpop.nonce)
    pushed = {"client_id": "spa", "response_type": "code", "redirect_uri": REDIRECTS["spa"], "scope": "openid"}
    pushed |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}

    async def ask(token: str, by: Dpop = dpop) -> Answered:
        return await house.userinfo(token, "DPoP", ("DPoP", by.proof(path, "GET", token)))

    answers = [
        await house.post("/oauth2/par", pushed, ("DPoP", dpop.proof("/oauth2/par"))),
        await house.post("/oauth2/par", {**pushed, "scope": "admin"}, ("DPoP", dpop.proof("/oauth2/par"))),
        await ask(tokens[0]),
        await ask(tokens[0], other),
        await ask(tokens[1]),
    ]
    await house.here.end(login)
    answers.append(await ask(tokens[0]))

    refused = [(one.status, one.error) for one in answers]
    assert refused == [
        (201, ""),
        (400, "invalid_scope"),
        (200, ""),
        (401, "invalid_token"),
        (403, "insufficient_scope"),
        (401, "invalid_token"),
    ]
    assert [("DPoP-Nonce" in one.headers) for one in answers] == [told] * 6


async def test_two_proofs_are_none(house: House, login: Token, dpop: Dpop) -> None:
    code = await house.code("spa", login)

    refused = await house.exchange("spa", code, ("DPoP", dpop.proof()), ("DPoP", dpop.proof()))

    assert refused.error == "invalid_dpop_proof"


async def test_a_code_that_names_a_key_needs_that_key(house: House, login: Token, dpop: Dpop) -> None:
    code = await house.code("spa", login, jkt=dpop.jkt)
    other = Dpop(house, nonce=dpop.nonce)

    for headers in ((), (("DPoP", other.proof()),)):
        assert (await house.exchange("spa", code, *headers)).error == "invalid_grant"
    assert (await house.exchange("spa", code, ("DPoP", dpop.proof()))).status == 200


async def test_a_fapi2_client_signs_and_proves_or_gets_nothing(house: House, login: Token, dpop: Dpop) -> None:
    code = await house.code("bank", login)

    unproved = await house.exchange("bank", code, **signed(house, "bank"))
    unsigned = await house.exchange("bank", code, ("DPoP", dpop.proof()), client_id="bank")
    array = signed(house, "bank", aud=["https://auth.example.org"])
    listed = await house.exchange("bank", code, ("DPoP", dpop.proof()), **array)
    fine = await house.exchange("bank", code, ("DPoP", dpop.proof()), **signed(house, "bank"))

    assert (unproved.error, unsigned.error, listed.error) == ("invalid_dpop_proof", "invalid_client", "invalid_client")
    assert fine.status == 200
    assert said(fine.body["access_token"])["aud"] == "https://api.example.org"


async def test_a_client_with_a_key_of_its_own_may_change_that_of_its_proofs(
    house: House, login: Token, dpop: Dpop
) -> None:
    first = (await bound(house, login, dpop, "bank")).body["refresh_token"]
    other = Dpop(house, nonce=dpop.nonce)

    again = await house.post(
        "/oauth2/token",
        {"grant_type": "refresh_token", "refresh_token": first, **signed(house, "bank")},
        ("DPoP", other.proof()),
    )

    assert again.status == 200
    assert said(again.body["access_token"])["cnf"] == {"jkt": other.jkt}


async def test_an_assertion_is_used_up_also_where_the_code_is_wrong(house: House, login: Token, dpop: Dpop) -> None:
    once = signed(house, "bank")
    code = await house.code("bank", login)

    wrong = await house.exchange("bank", "x" * 43, ("DPoP", dpop.proof()), **once)
    replayed = await house.exchange("bank", code, ("DPoP", dpop.proof()), **once)

    assert (wrong.error, replayed.error) == ("invalid_grant", "invalid_client")


async def test_userinfo_takes_a_bound_token_with_its_proof_only(house: House, login: Token, dpop: Dpop) -> None:
    token = (await bound(house, login, dpop)).body["access_token"]
    path = "/oauth2/userinfo"

    def proof(of: Dpop = dpop, **claims: Any) -> tuple[str, str]:
        return "DPoP", of.proof(path, "GET", token, **claims)

    fine = await house.userinfo(token, "DPoP", proof())
    assert (fine.status, fine.body) == (200, {"sub": "u_" + "0" * 31 + "1"})
    stranger = Dpop(house, SigningKey.generate("EdDSA"), dpop.nonce)
    refused = {
        "bearer": await house.userinfo(token),
        "bearer and proof": await house.userinfo(token, "Bearer", proof()),
        "no proof": await house.userinfo(token, "DPoP"),
        "another key": await house.userinfo(token, "DPoP", proof(stranger)),
        "no ath": await house.userinfo(token, "DPoP", proof(ath=None)),
        "another ath": await house.userinfo(token, "DPoP", proof(ath="x" * 43)),
        "another method": await house.userinfo(token, "DPoP", proof(htm="POST")),
    }
    assert {one.status for one in refused.values()} == {401}
    assert refused["bearer"].headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert refused["no proof"].error == refused["no ath"].error == "invalid_dpop_proof"
    assert refused["another key"].headers["WWW-Authenticate"].startswith('DPoP algs="')
    told = await house.userinfo(token, "DPoP", proof(nonce=None))
    assert (told.status, told.error) == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in told.headers["WWW-Authenticate"]
    assert told.headers["DPoP-Nonce"]


async def test_introspection_names_the_key_of_a_bound_token(house: House, login: Token, dpop: Dpop) -> None:
    """RFC 9449 section 6.2."""
    answered = await house.exchange("wiki", await house.code("wiki", login), ("DPoP", dpop.proof()))

    described = (await introspect(house, "wiki", answered.body["access_token"])).body

    assert (described["token_type"], described["cnf"]) == ("DPoP", {"jkt": dpop.jkt})


async def test_a_bearer_token_takes_no_proof_and_no_other_scheme(house: House, login: Token, dpop: Dpop) -> None:
    token = (await house.tokens("spa", login))["access_token"]
    proof = ("DPoP", dpop.proof("/oauth2/userinfo", "GET", token))

    assert (await house.userinfo(token)).status == 200
    assert (await house.userinfo(token, "bearer")).status == 200, "schemes have no case (RFC 9110 section 11.1)"
    assert (await house.userinfo(token, "Bearer", proof)).error == "invalid_token"
    assert (await house.userinfo(token, "DPoP", proof)).error == "invalid_token"
