"""What apps learn of a person: each scope away, and its claims are away."""

import hashlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.oauth.claims import (
    Described,
    SignIn,
    id_token_claims,
    personal_claims,
    session_id,
)
from gateway.core.principal.identity import subject_of

ADA = Described("ada", "Ada Lovelace", "ada@example.org", ("staff", "ops"))
OF_SCOPE: dict[str, dict[str, object]] = {
    "profile": {"name": "Ada Lovelace", "preferred_username": "ada"},
    "email": {"email": "ada@example.org"},
    "groups": {"groups": ["staff", "ops"]},
}


@pytest.mark.parametrize("scope", OF_SCOPE)
def test_each_scope_brings_its_claims_and_no_others(scope: str) -> None:
    others = {name: value for one, claims in OF_SCOPE.items() if one != scope for name, value in claims.items()}

    assert personal_claims(ADA, {"openid", scope}) == OF_SCOPE[scope]
    assert personal_claims(ADA, OF_SCOPE.keys() - {scope}) == others
    assert personal_claims(ADA, {"openid"}) == {}


def test_what_a_person_does_not_have_is_left_out() -> None:
    nameless = Described("eve", "", "", ())

    assert personal_claims(nameless, OF_SCOPE.keys()) == {"preferred_username": "eve", "groups": []}


@given(st.uuids(), st.uuids())
def test_a_subject_is_one_person_and_no_client(one: UUID, other: UUID) -> None:
    """Clients whose names begin with `u_` are refused when policy is read (RFC 9700 section 4.15.1)."""
    assert (subject_of(one) == subject_of(other)) is (one == other)
    assert subject_of(one).startswith("u_")


def test_an_id_token_says_when_and_how_and_goes_with_its_access_token() -> None:
    sign_in = SignIn(1_000, "1", ("pwd",), "sid", "n-0S6", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")

    claims = id_token_claims("https://auth", "u_1", "wiki", sign_in, 2_000, 3_600)

    assert claims == {
        "iss": "https://auth",
        "sub": "u_1",
        "aud": "wiki",
        "iat": 2_000,
        "exp": 5_600,
        "auth_time": 1_000,
        "acr": "1",
        "amr": ["pwd"],
        "sid": "sid",
        "nonce": "n-0S6",
        "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",  # as OpenID Connect Core, appendix A.3 has it of this token
    }


def test_a_nonce_that_nobody_sent_is_left_out() -> None:
    claims = id_token_claims("https://auth", "u_1", "wiki", SignIn(1, "1", (), "s", "", "t"), 2, 3)

    assert "nonce" not in claims
    assert claims["at_hash"] == b64(hashlib.sha256(b"t").digest()[:16])


def test_two_clients_can_not_tell_that_theirs_is_one_login() -> None:
    sids = {session_id(b"k" * 32, login, client) for login in (b"l" * 16, b"m" * 16) for client in ("a", "b")}

    assert len(sids) == 4
