"""Tokens at the gateway: a request that is allowed, each leg taken away, what the app hears, and what asks no store."""

import json
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.forward.credentials import TokenReader
from gateway.core.forward.decide import Ask
from gateway.core.jose.keys import SigningKey
from gateway.core.principal.ask import Presented, Standing
from gateway.core.token.access import AccessTokens
from gateway.core.token.nonce import Nonces
from tests.core.forward.setting import ACCESS, KEY, KEYS, NOW, TOKEN, headers_of
from tests.core.forward.tokens import (
    BEARER,
    DPOP,
    GRANT,
    HOST,
    ISSUER,
    METADATA,
    SCOPES,
    STRANGER,
    TOKENS,
    Call,
    Change,
    by,
    challenges_of,
    error_of,
    issue,
    prove,
    proved,
)

ALLOWED: Final[dict[str, Call]] = {
    "bearer": BEARER,
    "dpop": DPOP,
    "a scheme in another case": replace(BEARER, authorization=BEARER.authorization.replace("Bearer", "bEARER")),
    "dpop in lower case": replace(DPOP, authorization=DPOP.authorization.replace("DPoP", "dpop")),
    "a post without an origin": replace(BEARER, method="POST"),
    "a post of another site's page": replace(BEARER, method="POST", headers={"origin": "https://evil.example"}),
    "a token beside a session": replace(BEARER, session=TOKEN),
    "only tokens": replace(
        BEARER, host="machine.example.org", authorization=f"Bearer {issue(audience='https://machine.example.org')}"
    ),
}
REFUSED: Final[dict[str, tuple[Change, int, str]]] = {
    "no token": (lambda call: replace(call, authorization="", proofs=(), session=None), 401, ""),
    "another key signed": (by(issue(STRANGER)), 401, "invalid_token"),
    "of another issuer": (
        by(AccessTokens("https://evil.example", b"t" * 32).issue(
            KEY, Presented("t" * 16, b64(bytes(16)), bytes(16)), client="spa", subject="u_1",
            scopes=SCOPES, audience=f"https://{HOST}", now=NOW, ttl_s=900,
        )), 401, "invalid_token",
    ),
    "another audience": (by(issue(audience="https://other.example.org")), 401, "invalid_token"),
    "the issuer as audience": (by(issue(audience=ISSUER)), 401, "invalid_token"),
    "no token at all": (by("x"), 401, "invalid_token"),
    "a session cookie as token": (by(TOKEN.text), 401, "invalid_token"),
    "its record has ended": (lambda call: replace(call, outcome=Standing.ENDED), 401, "invalid_token"),
    "its grant has ended": (lambda call: replace(call, outcome=Standing.UNKNOWN), 401, "invalid_token"),
    "expired, by the clock of Redis": (lambda call: replace(call, now=NOW + 840), 401, "invalid_token"),
    "another record answered": (lambda call: replace(call, login="x" * 22), 503, ""),
    "no Redis": (lambda call: replace(call, answered=False), 503, ""),
    "not known": (lambda call: replace(call, outcome=Standing.MISS), 503, ""),
    "too many": (lambda call: replace(call, allowed=False), 429, ""),
    "a group that the client asks for": (lambda call: replace(call, groups=("guests",)), 403, ""),
}  # fmt: skip


@pytest.mark.parametrize("call", ALLOWED.values(), ids=ALLOWED)
def test_all_legs_together_open_the_door(call: Call) -> None:
    answer = call.answer()

    assert (answer.status, answer.body) == (200, b"")
    assert headers_of(answer)["Remote-User"] == "ada"


@pytest.mark.parametrize(("take_away", "status", "error"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("call", [BEARER, replace(BEARER, session=TOKEN)], ids=["a token", "beside a session"])
def test_each_leg_carries_weight(call: Call, take_away: Change, status: int, error: str) -> None:
    answer = take_away(call).answer()

    assert (answer.status, error_of(answer)) == (status, error)
    assert "Remote-User" not in headers_of(answer)
    assert json.loads(answer.body)["error"] in {error, "token_required", "login_required"} or status in (403, 429, 503)


def test_a_token_lives_to_its_last_second() -> None:
    assert replace(BEARER, now=NOW + 839).answer().status == 200
    assert replace(BEARER, now=NOW + 840).answer().status == 401


@pytest.mark.parametrize(
    "token", [issue(STRANGER), issue(audience=ISSUER), issue() + "x", "v1.x", "", "a b", "=", "é", "x" * 5_000]
)
def test_what_we_did_not_sign_for_this_host_asks_no_store(token: str) -> None:
    for scheme in ("Bearer", "DPoP"):
        call = Call(f"{scheme} {token}", (prove(),) if scheme == "DPoP" else ())
        assert call.answer().status == 401
        assert call.asked == []


def test_the_token_decides_alone_and_no_cookie_is_a_second_chance() -> None:
    good = replace(BEARER, session=TOKEN).ask()

    assert isinstance(good, Ask)
    assert good.question.presented is not None
    assert good.question.presented.credential == GRANT
    assert replace(BEARER, session=TOKEN, authorization="Bearer x").answer().status == 401


# K2: a scheme that the route does not accept is the app's own, and the cookie decides.
@pytest.mark.parametrize("authorization", ["", "Basic YTpi", "Bearer x", "token x", "Negotiate x", "Bearer"])
@pytest.mark.parametrize(("session", "status"), [(TOKEN, 200), (None, 401)])
def test_what_the_route_does_not_accept_is_the_apps_own(authorization: str, session: object, status: int) -> None:
    call = Call(authorization, host="vault.example.org", session=TOKEN if session else None)

    answer = call.answer()

    assert answer.status == status
    assert headers_of(answer).get("X-Bastion-Taken", "nothing") == "nothing"
    assert len(call.asked) == 1


def test_a_bearer_token_on_a_route_for_sessions_is_no_credential() -> None:
    token = f"Bearer {issue(audience='https://pages.example.org')}"

    assert Call(token, host="pages.example.org").answer().status == 401
    assert Call(token, host="pages.example.org", session=TOKEN).answer().status == 200
    assert challenges_of(Call(token, host="pages.example.org").answer()).keys() == {"Bastion"}


@pytest.mark.parametrize(
    "lines",
    [
        (("authorization", "Basic YTpi"),),
        (("authorization", f"Bearer {issue()}"),),
        (("authorization", "x"),),
        (("authorization", ""),),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_two_lines_of_authorization_are_not_one(lines: tuple[tuple[str, str], ...], first: bool) -> None:
    """In both orders: the app, or we, could read the other (oauth.md O14)."""
    own = (("authorization", BEARER.authorization),)
    call = Call(lines=lines + own if first else own + lines)

    answer = call.answer()

    assert (answer.status, error_of(answer), call.asked) == (400, "invalid_request", [])


def test_lines_that_are_the_apps_own_may_come_twice() -> None:
    lines = (("authorization", "Basic YTpi"), ("authorization", "token x"))

    assert Call(lines=lines, session=TOKEN).answer().status == 200


def test_two_credentials_joined_by_a_comma_are_none() -> None:
    assert Call(f"Bearer {issue()}, Bearer {issue()}").answer().status == 401
    assert Call(f"Bearer {issue()},").answer().status == 401


# Consumed credentials open other doors: the app never sees them (K1).
@pytest.mark.parametrize(("call", "names"), [(BEARER, {"authorization"}), (DPOP, {"authorization", "dpop"})])
def test_the_app_never_sees_a_consumed_credential(call: Call, names: set[str]) -> None:
    headers = headers_of(call.answer())

    said = {value for name, value in headers.items() if name.startswith("X-Bastion-Taken-")}
    assert headers["X-Bastion-Taken"] == "some"
    assert said - {"x-bastion-none"} == names


def test_an_app_that_reads_tokens_itself_may_see_what_it_is_for() -> None:
    forwarded = {"x-forwarded-user": "root"}
    proof = prove(htu=f"https://{HOST}/reads/x")

    for call in (BEARER, proved(proof)(DPOP)):
        answer = headers_of(replace(call, path="/reads/x", headers=forwarded).answer())
        said = {value for name, value in answer.items() if name.startswith("X-Bastion-Taken-")}
        assert said - {"x-bastion-none"} == {"x-forwarded*"}
        assert answer["Remote-User"] == "ada"


def test_it_leaves_no_room_for_more_than_the_snippet_can_take_away() -> None:
    families = "remote-user x-real-ip x-scheme x-host x-prefix client-ip eppn gap-auth x-email x-roles x-groups x-user"
    forged = dict.fromkeys([*families.split(), "x-username", "x-id-token", "x-forwarded-user"], "1")

    assert replace(BEARER, headers=forged).answer().status == 200
    assert replace(BEARER, headers={**forged, "x-userinfo": "1"}).answer().status == 400


def test_a_proxy_that_could_not_take_it_from_the_app_gets_no_token_through() -> None:
    lines = tuple(pair for pair in (("authorization", BEARER.authorization),))
    request = replace(BEARER, authorization="", lines=lines)
    earlier = replace(request, headers={"x-bastion-snippet": ""})

    assert request.answer().status == 200
    assert earlier.answer().status == 503
    assert earlier.asked == []


def test_before_a_key_is_known_nothing_is_said_against_a_token() -> None:
    """A node that starts while Postgres is away: apps that hear 401 throw their tokens away."""
    reader = TokenReader(ACCESS, dict, Nonces(KEYS.nonce), TOKENS.origin_of)
    call = replace(BEARER, context=replace(TOKENS, reader=reader))

    answer = call.answer()

    assert (answer.status, error_of(answer), call.asked) == (503, "temporarily_unavailable", [])


# O23: who it is, and more only by a scope for it.
@pytest.mark.parametrize(
    ("scope", "header", "value"),
    [
        ("groups", "Remote-Groups", "staff"),
        ("profile", "Remote-Name", "Ada Lovelace"),
        ("email", "Remote-Email", "ada@example.org"),
    ],
)
def test_a_token_tells_of_its_person_what_its_scopes_let_it(scope: str, header: str, value: str) -> None:
    all_of_them = ("notes.read", "groups", "profile", "email")
    whole = headers_of(by(issue(scopes=all_of_them))(BEARER).answer())
    without = headers_of(by(issue(scopes=[one for one in all_of_them if one != scope]))(BEARER).answer())

    assert whole[header] == value
    assert without == {**whole, header: ""}
    assert headers_of(Call(session=TOKEN).answer())[header] == value


def test_a_service_is_itself() -> None:
    token = issue(kind="grant", client="batch", subject="batch", scopes=["notes.read"])
    call = replace(by(token)(BEARER), username="client:batch", groups=())

    answer = call.answer()

    assert (answer.status, headers_of(answer)["Remote-User"]) == (200, "client:batch")
    presented = call.asked[0].question.presented
    assert presented is not None
    assert (presented.kind, presented.login_id) == ("grant", b"l" * 16)


def test_limits_count_by_the_grant_and_not_by_the_login() -> None:
    for path in ("/x", "/limited/x"):
        call = replace(BEARER, path=path)
        call.answer()
        (spend,) = call.asked[0].question.spends
        assert (spend.slot, spend.who) == (TOKEN.tag, b64(GRANT))
    named = Call(f"Bearer {issue()}")
    named.answer()
    assert [one.limit.name for one in named.asked[0].question.spends] == ["GENERAL.EXECUTE"]


# Challenges.
def test_a_stranger_is_told_what_to_bring_and_where_to_get_it() -> None:
    answer = Call().answer()

    where = f'resource_metadata="https://{HOST}{METADATA}"'
    assert answer.status == 401
    assert challenges_of(answer) == {
        "Bastion": f'realm="{HOST}"',
        "Bearer": where,
        "DPoP": f'algs="ES256 Ed25519 EdDSA PS256", {where}',
    }


def test_a_person_in_a_browser_logs_in_where_sessions_open() -> None:
    navigation = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

    assert Call(headers=navigation).answer().status == 302
    alone = Call(host="machine.example.org", headers=navigation).answer()
    assert (alone.status, list(challenges_of(alone))) == (401, ["Bearer"])
    assert b"for programs" in alone.body
    assert "Location" not in headers_of(alone)


def test_a_route_that_hides_hides_from_programs_too() -> None:
    assert Call(path="/hidden/x").answer().status == 404
    assert by(issue(scopes=["openid"]))(replace(BEARER, path="/hidden/x")).answer().status == 404


@pytest.mark.parametrize("token", ["x", "x" * 5_000, issue(STRANGER), issue(audience="https://other.example.org")])
@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
def test_a_made_up_token_finds_no_route_that_hides(scheme: str, token: str) -> None:
    call = Call(f"{scheme} {token}", (prove(),), path="/hidden/x")

    for one in (call, replace(call, proofs=()), replace(call, lines=(("authorization", "Basic YTpi"),))):
        answer = one.answer()
        assert (answer.status, challenges_of(answer)) == (404, {})
        assert answer.body == Call(path="/hidden/x").answer().body


def test_whoever_has_a_token_for_a_route_that_hides_hears_what_is_wrong_with_it() -> None:
    """Else no app would know that it has to refresh."""
    late = replace(BEARER, path="/hidden/x", now=NOW + 840).answer()

    assert (late.status, error_of(late)) == (401, "invalid_token")


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
def test_the_challenge_with_the_error_is_the_first(scheme: str) -> None:
    """requests-oauth2client 1.8 looks for its nonce only where the field begins with DPoP."""
    assert list(challenges_of(Call(f"{scheme} x").answer())) == sorted(
        ["Bearer", "DPoP"], key=lambda one: one != scheme
    )


def test_scopes_that_are_missing_are_named() -> None:
    answer = replace(BEARER, path="/write/x").answer()

    assert (answer.status, error_of(answer), json.loads(answer.body)["error"]) == (403, *["insufficient_scope"] * 2)
    assert 'scope="notes.read notes.write"' in challenges_of(answer)["Bearer"]


def test_an_old_login_behind_a_token_is_named() -> None:
    call = replace(BEARER, path="/fresh/x", authenticated_at=NOW - 601)

    answer = call.answer()

    assert replace(call, authenticated_at=NOW - 600).answer().status == 200
    assert (answer.status, answer.outcome, error_of(answer)) == (401, "step_up", "insufficient_user_authentication")
    assert 'max_age="600"' in challenges_of(answer)["Bearer"]


def test_methods_and_scores_are_asked_of_no_token() -> None:
    """X5: nobody is at the browser, and no challenge can name a method or lower a score."""
    assert replace(BEARER, path="/password/x").answer().status == 200
    assert replace(BEARER, path="/usual/x", risk=39).answer().status == 200
    for denied in (replace(BEARER, path="/passkey/x"), replace(BEARER, path="/usual/x", risk=40)):
        answer = denied.answer()
        assert (answer.status, answer.outcome, challenges_of(answer)) == (403, "deny", {})
    assert replace(BEARER, path="/usual/x").answer().status == 403


def test_a_route_for_bound_tokens_takes_no_other() -> None:
    proof = prove(htu=f"https://{HOST}/bound/x")

    assert replace(DPOP, path="/bound/x", proofs=(proof,)).answer().status == 200
    assert replace(BEARER, path="/bound/x").answer().status == 403


def test_scripts_of_allowed_origins_can_read_what_they_have_to_bring() -> None:
    """oauth.md O12."""
    partner = {"origin": "https://notes.example.org"}
    for call in (Call(headers=partner), Call("Bearer x", headers=partner), replace(BEARER, headers=partner)):
        headers = headers_of(call.answer())
        exposed = headers.get("Access-Control-Expose-Headers") or headers["X-Bastion-Acexpose"]
        assert exposed == "X-Total, WWW-Authenticate, DPoP-Nonce"
    other = headers_of(Call("Bearer x", headers={"origin": "https://evil.example"}).answer())
    assert "Access-Control-Expose-Headers" not in other


# Where to get tokens (RFC 9728).
def test_a_host_with_routes_for_tokens_says_where_they_come_from() -> None:
    for call in (Call(path=METADATA), Call("Bearer x", path=METADATA), Call(path=METADATA, method="HEAD")):
        answer = call.answer()
        assert (answer.status, headers_of(answer)["X-Bastion-Answer"]) == (200, "1")
        assert headers_of(answer)["Access-Control-Allow-Origin"] == "*"
        assert call.asked == []
    assert json.loads(Call(path=METADATA).answer().body) == {
        "resource": f"https://{HOST}",
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["notes.read", "notes.write"],
        "dpop_signing_alg_values_supported": ["ES256", "Ed25519", "EdDSA", "PS256"],
    }
    vault = json.loads(Call(path=METADATA, host="vault.example.org").answer().body)
    assert vault["dpop_bound_access_tokens_required"] is True


def test_other_hosts_have_that_path_for_themselves() -> None:
    assert Call(path=METADATA, host="pages.example.org").answer().status == 401
    assert Call(path=METADATA, host="pages.example.org", session=TOKEN).answer().status == 200
    assert Call(path=METADATA, method="POST").answer().status == 405


SCHEMES: Final = st.sampled_from([b"Bearer ", b"DPoP ", b"bEARER  ", b"dpop "])


@given(st.binary(max_size=80), st.binary(max_size=80), SCHEMES)
def test_any_bytes_are_refused_and_ask_no_store(authorization: bytes, proof: bytes, scheme: bytes) -> None:
    call = Call((scheme + authorization).decode("latin-1"), (proof.decode("latin-1"),))

    assert call.answer().status == 401
    assert call.asked == []


def test_another_alg_of_an_issuer_key_is_no_other_token() -> None:
    """A key that is not published signs nothing, whatever the kid says."""
    other = SigningKey.generate("EdDSA")

    assert by(issue(other))(BEARER).answer().status == 401
