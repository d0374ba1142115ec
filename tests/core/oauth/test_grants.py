"""When codes and refresh tokens pass: from one that passes, one thing changed; windows on the second itself."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.oauth.code import CodeContent
from gateway.core.oauth.grants import (
    BEARER_WINDOW_S,
    BOUND_WINDOW_S,
    CODE_REPEAT_S,
    CodeRefused,
    IssuedCode,
    Redeemed,
    Redemption,
    Repeated,
    Reused,
    Rotated,
    Rotation,
    audience_of,
    client_tag,
    judge_code,
    judge_refresh,
    narrowed,
)

NOW = 1_790_000_000
# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CONTENT = CodeContent(
    redirect_uri="https://spa.example.org/cb",
    scopes=("openid",),
    resource="https://auth.example.org",
    code_challenge=CHALLENGE,
    nonce="",
    jkt="",
    claims={},
    authenticated_at=NOW,
    mfa_at=0,
    amr=("pwd",),
    offline=False,
)
CODE = IssuedCode("spa", CONTENT, NOW + 60, 0)
RIGHT = Redemption("spa", "https://spa.example.org/cb", VERIFIER, "", "")
WRONG = {
    "client": replace(RIGHT, client="other"),
    "redirect_uri": replace(RIGHT, redirect_uri="https://spa.example.org/cb?"),
    "no redirect_uri": replace(RIGHT, redirect_uri=""),
    "verifier": replace(RIGHT, verifier="x" * 43),
    "no verifier": replace(RIGHT, verifier=""),
    "plain verifier": replace(RIGHT, verifier=CHALLENGE),
    "short verifier": replace(RIGHT, verifier="x" * 42),
    "resource": replace(RIGHT, resource="https://api.example.org"),
}


def test_a_code_is_redeemed_by_its_client_in_its_minute() -> None:
    assert judge_code(CODE, RIGHT, NOW) == Redeemed()
    assert judge_code(CODE, RIGHT, NOW + 59) == Redeemed()
    assert judge_code(CODE, replace(RIGHT, resource=CONTENT.resource), NOW) == Redeemed()
    assert isinstance(judge_code(CODE, RIGHT, NOW + 60), CodeRefused)


@pytest.mark.parametrize("redemption", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_burns_nothing(redemption: Redemption) -> None:
    refused = judge_code(CODE, redemption, NOW)

    assert isinstance(refused, CodeRefused)
    assert refused.error == ("invalid_target" if redemption.resource else "invalid_grant")
    assert VERIFIER not in refused.why


@given(st.text(max_size=130))
def test_no_other_verifier_passes(verifier: str) -> None:
    assert verifier == VERIFIER or isinstance(judge_code(CODE, replace(RIGHT, verifier=verifier), NOW), CodeRefused)


@pytest.mark.parametrize("size", [43, 128])
def test_the_lengths_of_rfc_7636_pass(size: int) -> None:
    verifier = "a" * size
    content = replace(CONTENT, code_challenge=b64(hashlib.sha256(verifier.encode()).digest()))

    assert judge_code(replace(CODE, content=content), replace(RIGHT, verifier=verifier), NOW) == Redeemed()
    longer = replace(RIGHT, verifier="a" * 129)
    content = replace(CONTENT, code_challenge=b64(hashlib.sha256(longer.verifier.encode()).digest()))
    assert isinstance(judge_code(replace(CODE, content=content), longer, NOW), CodeRefused)


def test_a_verifier_without_a_challenge_is_a_downgrade() -> None:
    without = replace(CODE, content=replace(CONTENT, code_challenge=""))

    assert judge_code(without, replace(RIGHT, verifier=""), NOW) == Redeemed()
    assert isinstance(judge_code(without, RIGHT, NOW), CodeRefused)


def test_a_code_that_is_bound_needs_its_key() -> None:
    bound = replace(CODE, content=replace(CONTENT, jkt="key"))

    assert judge_code(bound, replace(RIGHT, jkt="key"), NOW) == Redeemed()
    for jkt in ("", "other"):
        assert isinstance(judge_code(bound, replace(RIGHT, jkt=jkt), NOW), CodeRefused)
    assert judge_code(CODE, replace(RIGHT, jkt="any"), NOW) == Redeemed()


def test_the_same_client_may_repeat_for_ten_seconds_without_harm() -> None:
    used = replace(CODE, used_at=NOW)

    assert isinstance(judge_code(used, RIGHT, NOW), CodeRefused)
    assert isinstance(judge_code(used, RIGHT, NOW + CODE_REPEAT_S), CodeRefused)
    assert judge_code(used, RIGHT, NOW + CODE_REPEAT_S + 1) == Reused()
    assert judge_code(used, replace(RIGHT, redirect_uri=""), NOW) == CodeRefused("the code was used")


@pytest.mark.parametrize("wrong", ["client", "verifier", "no verifier"])
def test_a_used_code_in_strange_hands_ends_the_grant_at_once(wrong: str) -> None:
    assert judge_code(replace(CODE, used_at=NOW), WRONG[wrong], NOW) == Reused()


CURRENT, PREVIOUS, OLDER = b"c" * 32, b"p" * 32, b"o" * 32


@pytest.mark.parametrize(("bound", "window_s"), [(False, BEARER_WINDOW_S), (True, BOUND_WINDOW_S)])
def test_the_token_before_passes_within_its_window(bound: bool, window_s: int) -> None:
    rotation = Rotation(CURRENT, PREVIOUS, NOW, bound)

    assert judge_refresh(rotation, CURRENT, NOW + 10 * BOUND_WINDOW_S) == Rotated()
    assert judge_refresh(rotation, PREVIOUS, NOW) == Repeated()
    assert judge_refresh(rotation, PREVIOUS, NOW + window_s) == Repeated()
    assert judge_refresh(rotation, PREVIOUS, NOW + window_s + 1) == Reused()
    assert judge_refresh(rotation, OLDER, NOW) == Reused()


def test_a_grant_without_refresh_tokens_has_none_that_passes() -> None:
    assert judge_refresh(Rotation(None, None, NOW, True), CURRENT, NOW) == Reused()


@pytest.mark.parametrize(
    ("asked", "scopes"),
    [("", ("a", "b")), ("a", ("a",)), ("b a", ("a", "b")), ("a a", ("a",)), ("a c", None), ("A", None), (" ", None)],
)
def test_scopes_only_narrow(asked: str, scopes: tuple[str, ...] | None) -> None:
    assert narrowed(("a", "b"), asked) == scopes


def test_whom_a_token_is_for() -> None:
    one, two = ("https://a",), ("https://a", "https://b")

    assert audience_of((), "", "https://iss") == "https://iss"
    assert audience_of(one, "", "https://iss") == "https://a"
    assert audience_of(two, "https://b", "https://iss") == "https://b"
    assert audience_of(two, "", "https://iss") == "https://iss"
    assert audience_of(two, "https://iss", "https://iss") == "https://iss"
    assert audience_of(one, "https://b", "https://iss") is None
    assert audience_of((), "https://a", "https://iss") is None


def test_the_tag_of_an_app_is_its_own() -> None:
    tags = {client_tag(key, name) for key in (b"k" * 32, b"l" * 32) for name in ("a", "b")}

    assert len(tags) == 4
    assert {len(tag) for tag in tags} == {16}
