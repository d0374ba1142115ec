"""How clients prove who they are: each rule from a client that passes, one thing changed."""

from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.jose.algorithms import ASSERTIONS
from gateway.core.jose.keys import SigningKey, VerificationKey
from gateway.core.oauth.authentication import JWT_BEARER, Assertion, Credentials, NotProved, claimed, read_credentials
from gateway.core.oauth.clients import Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.parameters import Parameters
from tests.oauth_clients import CLIENTS, ED25519, ES256, ISSUER, PS256, RS256, SECRET, Asserted, client

NOW = 1_790_000_000
AUDIENCES = (ISSUER, f"{ISSUER}/oauth2/token", f"{ISSUER}/oauth2/par")
FINE = Asserted(ES256, NOW)


def form(**values: str) -> Parameters:
    return Parameters.of(values.items())


def basic(client_id: str, secret: str) -> list[str]:
    return ["Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()]


def asserted(text: str, **more: str) -> Parameters:
    return form(client_assertion=text, client_assertion_type=JWT_BEARER, **more)


def proved(credentials: Credentials, now: int = NOW) -> Assertion | None:
    return prove(CLIENTS.get(credentials.client), credentials, now)


def prove(client: Client | None, credentials: Credentials, now: int) -> Assertion | None:
    claim = claimed(client, credentials, AUDIENCES, now)
    if claim is None:
        return None
    assert client is not None
    return claim.proved(client.jwks)


def by_assertion(name: str, assertion: Asserted) -> Assertion | None:
    return proved(read_credentials([], asserted(assertion.text(name))))


def test_a_secret_is_taken_both_ways_and_a_public_client_has_none() -> None:
    assert proved(read_credentials(basic("wiki", quote_plus(SECRET)), form())) is None
    assert proved(read_credentials([], form(client_id="wiki", client_secret=SECRET))) is None
    assert proved(read_credentials([], form(client_id="spa"))) is None


def test_basic_is_form_urlencoded_in_both_halves() -> None:
    found = read_credentials(basic("a%3Ab+c", "p%40ss%2B+%C3%BC"), form())

    assert (found.method, found.client, found.secret) == ("client_secret_basic", "a:b c", "p@ss+ ü")


@given(st.text(min_size=1), st.text())
def test_whatever_is_encoded_comes_back(client_id: str, secret: str) -> None:
    found = read_credentials(basic(_encoded(client_id), _encoded(secret)), form())

    assert (found.client, found.secret) == (client_id, secret)


def _encoded(text: str) -> str:
    return quote_plus(text, safe="")


@pytest.mark.parametrize(
    "line",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic d2lraQ==",  # no colon
        "Basic " + b64encode(b"wiki:\xff").decode(),
        "Basic " + b64encode(b"wiki:%zz").decode(),
        "Basic " + b64encode(b"wiki:%ff").decode(),
        "Bearer abc",
        "",
    ],
)
def test_what_is_not_basic_is_answered_by_a_challenge(line: str) -> None:
    with pytest.raises(NotProved) as refused:
        read_credentials([line], form())

    assert (refused.value.error, refused.value.status) == ("invalid_client", 401)
    assert refused.value.challenge.startswith("Basic ")


@given(st.text())
def test_no_line_breaks_the_reader(line: str) -> None:
    with suppress(OAuthError):
        read_credentials([line], form())


@pytest.mark.parametrize(
    ("authorization", "parameters"),
    [
        (basic("wiki", "x"), form(client_id="wiki", client_secret="x")),
        (basic("wiki", "x"), asserted(FINE.text("wiki"))),
        ([], asserted(FINE.text("jwt"), client_id="jwt", client_secret="x")),
        ([*basic("wiki", "x"), *basic("wiki", "x")], form()),
        (basic("wiki", "x"), form(client_id="spa")),
        ([], asserted(FINE.text("jwt"), client_id="bank")),
        ([], form(client_assertion=FINE.text("jwt"))),
        ([], form(client_assertion=FINE.text("jwt"), client_assertion_type="urn:x")),
        ([], form(client_assertion_type=JWT_BEARER)),
        ([], form()),
        ([], form(client_secret="x")),
    ],
)
def test_two_ways_at_once_half_a_way_and_none_are_no_requests(authorization: list[str], parameters: Parameters) -> None:
    with pytest.raises(OAuthError) as refused:
        read_credentials(authorization, parameters)

    assert refused.value.error == "invalid_request"


def test_client_id_may_be_said_twice_if_it_is_the_same() -> None:
    assert read_credentials(basic("wiki", "x"), form(client_id="wiki")).client == "wiki"
    assert read_credentials([], asserted(FINE.text("jwt"), client_id="jwt")).client == "jwt"


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("client_secret_post", "wiki", SECRET + "x"),
        Credentials("client_secret_basic", "wiki", ""),
        Credentials("client_secret_post", "nobody", SECRET),
        Credentials("client_secret_post", "spa", SECRET),
        Credentials("client_secret_post", "jwt", SECRET),
        Credentials("none", "wiki"),
        Credentials("none", "jwt"),
        Credentials("none", "nobody"),
        Credentials("private_key_jwt", "nobody", assertion=None),
    ],
    ids=lambda one: f"{one.method} of {one.client}",
)
def test_whoever_proves_nothing_or_otherwise_is_refused(credentials: Credentials) -> None:
    with pytest.raises(NotProved) as refused:
        proved(credentials)

    assert SECRET not in str(refused.value)
    assert bool(refused.value.challenge) is (credentials.method == "client_secret_basic")


def test_credentials_show_no_secret() -> None:
    assert SECRET not in repr(Credentials("client_secret_post", "wiki", SECRET))


@pytest.mark.parametrize("key", [ES256, PS256], ids=lambda key: key.alg)
@pytest.mark.parametrize("name", ["jwt", "bank"])
def test_an_assertion_of_any_allowed_algorithm_passes(name: str, key: SigningKey) -> None:
    found = by_assertion(name, replace(FINE, key=key))

    assert found is not None
    assert found.until == NOW + 60


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_ed25519_has_two_names(alg: str) -> None:
    assert by_assertion("bank", replace(FINE, key=ED25519, header={"alg": alg})) is not None


def test_rs256_is_for_clients_that_are_not_of_fapi2() -> None:
    assert by_assertion("jwt", replace(FINE, key=RS256, header={"kid": PS256.kid})) is not None
    with pytest.raises(NotProved, match="alg"):
        by_assertion("bank", replace(FINE, key=RS256, header={"kid": PS256.kid}))


def test_the_same_jti_is_the_same_id_and_another_is_another() -> None:
    first, again, other = (by_assertion("jwt", replace(FINE, claims={"jti": jti})) for jti in ("a", "a", "b"))

    assert first is not None
    assert again is not None
    assert other is not None
    assert first.id_hash == again.id_hash != other.id_hash


PASSING: dict[str, dict[str, Any]] = {
    "iat 15 s ahead": {"iat": NOW + 15},
    "nbf 15 s ahead": {"nbf": NOW + 15},
    "no iat": {"iat": None},
    "its last second": {"exp": NOW + 1},
    "an hour": {"exp": NOW + 3600},
}
FAILING: dict[str, dict[str, Any]] = {
    "iat 16 s ahead": {"iat": NOW + 16},
    "nbf 16 s ahead": {"nbf": NOW + 16},
    "over": {"exp": NOW},
    "more than an hour": {"exp": NOW + 3616},
    "no exp": {"exp": None},
    "exp as text": {"exp": str(NOW + 60)},
    "exp as a fraction": {"exp": NOW + 60.5},
    "iat as text": {"iat": str(NOW)},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a jti that is a number": {"jti": 7},
    "a long jti": {"jti": "j" * 257},
    "no sub": {"sub": None},
    "another sub": {"sub": "other"},
    "no aud": {"aud": None},
    "another aud": {"aud": "https://other.example.org"},
    "an aud with a slash more": {"aud": ISSUER + "/"},
    "aud none of a list": {"aud": ["https://other.example.org"]},
    "aud an object": {"aud": {"a": ISSUER}},
}


@pytest.mark.parametrize("claims", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("name", ["jwt", "bank"])
def test_what_an_assertion_may_say(name: str, claims: dict[str, Any]) -> None:
    assert by_assertion(name, replace(FINE, claims=claims)) is not None


@pytest.mark.parametrize("claims", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("name", ["jwt", "bank"])
def test_what_no_assertion_may_say(name: str, claims: dict[str, Any]) -> None:
    with pytest.raises(NotProved):
        by_assertion(name, replace(FINE, claims=claims))


@pytest.mark.parametrize("audience", [AUDIENCES[1], AUDIENCES[2], [ISSUER], [AUDIENCES[1], "https://x.example"]])
def test_only_fapi2_wants_the_issuer_as_one_string(audience: object) -> None:
    said = replace(FINE, claims={"aud": audience})

    assert by_assertion("jwt", said) is not None
    with pytest.raises(NotProved, match="aud"):
        by_assertion("bank", said)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "client-authentication+jwt"])
def test_types_of_assertions(typ: str) -> None:
    assert by_assertion("jwt", replace(FINE, header={"typ": typ})) is not None


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "logout+jwt", "JWS"])
def test_no_other_token_is_an_assertion(typ: str) -> None:
    with pytest.raises(NotProved, match="typ"):
        by_assertion("jwt", replace(FINE, header={"typ": typ}))


@pytest.mark.parametrize("kid", ["other", PS256.kid], ids=["unknown", "of another key"])
def test_a_key_that_is_named_has_to_be_the_one(kid: str) -> None:
    with pytest.raises(NotProved, match="signature"):
        by_assertion("jwt", replace(FINE, header={"kid": kid}))


def test_another_key_signs_for_nobody() -> None:
    stranger = SigningKey.generate("ES256")

    for header in ({}, {"kid": ES256.kid}, {"kid": ""}):
        with pytest.raises(NotProved, match="signature"):
            by_assertion("jwt", replace(FINE, key=stranger, header=header))


@pytest.mark.parametrize("alg", ["none", "HS256", "RS512", ""])
def test_algorithms_that_nobody_may_use(alg: str) -> None:
    with pytest.raises(NotProved):
        by_assertion("jwt", replace(FINE, header={"alg": alg}))


class Untouched(VerificationKey):
    """A key that says so when it is to verify."""

    def verify(self, *_signed: object, **_named: object) -> bool:
        raise AssertionError("asked for a signature")


def test_no_signature_is_verified_before_the_rest_is_right() -> None:
    key = Untouched.of_jwk(ES256.verification.jwk, ASSERTIONS)
    clients = {name: replace(client(name), jwks=(key,)) for name in ("jwt", "bank")}

    with pytest.raises(AssertionError, match="asked for a signature"):
        prove(clients["jwt"], read_credentials([], asserted(FINE.text("jwt"))), NOW)
    for name, claims in (("nobody", {}), ("jwt", {"exp": NOW - 1}), ("jwt", {"aud": "x"}), ("bank", {"aud": [ISSUER]})):
        credentials = read_credentials([], asserted(replace(FINE, claims=claims).text(name)))
        with pytest.raises(NotProved):
            prove(clients.get(name), credentials, NOW)
