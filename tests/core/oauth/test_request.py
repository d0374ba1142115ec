"""From a request that is fine, one thing changed: where the answer goes, and which error it is."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assurance.model import by_password
from gateway.core.assurance.need import Need, met
from gateway.core.base64url import b64, unb64
from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.consent import asks_consent
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.parameters import Parameters
from gateway.core.oauth.request import (
    PARAMETERS,
    AuthorizationRequest,
    ReturnAddress,
    Unaddressed,
    address_of,
    form_target,
    own_parameters,
    read_request,
)
from tests.core.oauth.apps import API, CHALLENGE, ISSUER, PUBLISHED, SIGNER, apps, asked, id_token

CLIENTS = apps().clients


STRANGER = SigningKey.generate("ES256")


def with_header(**changed: object) -> str:
    """An ID token of ours, whose header says something else."""
    header, payload, signature = id_token().split(".")
    members = json.loads(unb64(header)) | changed
    return f"{b64(json.dumps(members).encode())}.{payload}.{signature}"


def addressed(sent: dict[str, str]) -> ReturnAddress:
    return address_of(Parameters.of(sent.items()), CLIENTS)


def read(client: str = "spa", changed: dict[str, str] | None = None, *, pushed: bool = False) -> AuthorizationRequest:
    parameters = Parameters.of(asked(client, **(changed or {})).items())
    return read_request(parameters, address_of(parameters, CLIENTS), PUBLISHED, pushed=pushed)


def test_a_request_that_is_fine() -> None:
    asks = {"nonce": "n", "prompt": "login consent", "max_age": "60", "login_hint": "ada"}
    request = read("spa", {"scope": "openid notes.read", **asks})

    assert request == AuthorizationRequest(
        scopes=("openid", "notes.read"),
        resource=API,
        code_challenge=CHALLENGE,
        nonce="n",
        prompts=frozenset({"login", "consent"}),
        max_age_s=60,
        login_hint="ada",
        jkt="",
        claims={},
        hinted="",
    )
    assert read("spa", {"id_token_hint": id_token()}).hinted == "u_1"


WITHOUT_ADDRESS: dict[str, dict[str, str]] = {
    "no client": {"client_id": ""},
    "an unknown client": {"client_id": "nobody"},
    "a client without a redirect URI": {"client_id": "batch"},
    "no redirect URI": {"redirect_uri": ""},
    "an unknown redirect URI": {"redirect_uri": "https://evil.example/cb"},
    "another path": {"redirect_uri": "https://spa.example.com/cb/"},
    "more path": {"redirect_uri": "https://spa.example.com/cb/../evil"},
    "a query": {"redirect_uri": "https://spa.example.com/cb?a=1"},
    "another case": {"redirect_uri": "https://SPA.example.com/cb"},
    "the usual port": {"redirect_uri": "https://spa.example.com:443/cb"},
    "a user": {"redirect_uri": "https://spa.example.com@evil.example/cb"},
    "a fragment": {"redirect_uri": "https://spa.example.com/cb#x"},
    "of another client": {"redirect_uri": "https://wiki.example.com/cb"},
    "a control character": {"redirect_uri": "https://spa.example.com/cb\0"},
}


@pytest.mark.parametrize("changed", WITHOUT_ADDRESS.values(), ids=WITHOUT_ADDRESS)
def test_without_a_known_address_nobody_is_redirected(changed: dict[str, str]) -> None:
    with pytest.raises(Unaddressed):
        addressed(asked(**changed))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_an_address_that_comes_twice_is_none(name: str) -> None:
    sent = asked()
    with pytest.raises(Unaddressed, match="more than once"):
        address_of(Parameters.of([*sent.items(), (name, sent[name])]), CLIENTS)


def test_a_loopback_port_may_vary() -> None:
    assert addressed(asked("cli", redirect_uri="http://127.0.0.1:1/cb")).redirect_uri == "http://127.0.0.1:1/cb"
    assert addressed(asked("cli", redirect_uri="com.example.cli:/cb")).redirect_uri == "com.example.cli:/cb"
    with pytest.raises(Unaddressed):
        addressed(asked("cli", redirect_uri="http://127.0.0.1:1/other"))


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no response_type": ({"response_type": ""}, "invalid_request"),
    "a token": ({"response_type": "token"}, "unsupported_response_type"),
    "an ID token": ({"response_type": "id_token"}, "unsupported_response_type"),
    "code id_token": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "none": ({"response_type": "none"}, "unsupported_response_type"),
    "Code": ({"response_type": "Code"}, "unsupported_response_type"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "jwt": ({"response_mode": "query.jwt"}, "invalid_request"),
    "form_post to a scheme": (
        {"client": "cli", "redirect_uri": "com.example.cli:/cb", "response_mode": "form_post"},
        "invalid_request",
    ),
    "no scope": ({"scope": ""}, "invalid_scope"),
    "a scope that nobody knows": ({"scope": "openid admin"}, "invalid_scope"),
    "a scope of other clients": ({"scope": "notes.write"}, "invalid_scope"),
    "scopes apart by more": ({"scope": "openid  profile"}, "invalid_scope"),
    "no challenge": ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
    "a method alone": ({"code_challenge": ""}, "invalid_request"),
    "plain by default": ({"code_challenge_method": ""}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "s256": ({"code_challenge_method": "s256"}, "invalid_request"),
    "a short challenge": ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
    "a padded challenge": ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
    "a challenge of other letters": ({"code_challenge": "+" * 43}, "invalid_request"),
    "pkce: optional without a nonce": (
        {"client": "wiki", "code_challenge": "", "code_challenge_method": ""},
        "invalid_request",
    ),
    "pkce: optional without openid": (
        {"client": "wiki", "code_challenge": "", "code_challenge_method": "", "nonce": "n", "scope": "profile"},
        "invalid_request",
    ),
    "pkce: optional, and plain": (
        {"client": "wiki", "code_challenge_method": "plain", "nonce": "n"},
        "invalid_request",
    ),
    "pkce: optional, and a method alone": ({"client": "wiki", "code_challenge": "", "nonce": "n"}, "invalid_request"),
    "not pushed": ({"client": "pushes"}, "invalid_request"),
    "another resource": ({"resource": "https://evil.example"}, "invalid_target"),
    "a resource of others": ({"resource": "https://other.example.com"}, "invalid_target"),
    "an unknown prompt": ({"prompt": "create"}, "invalid_request"),
    "none with another": ({"prompt": "none login"}, "invalid_request"),
    "none and select_account": ({"prompt": "none select_account"}, "invalid_request"),
    "a negative age": ({"max_age": "-1"}, "invalid_request"),
    "an age in words": ({"max_age": "1h"}, "invalid_request"),
    "an age in other digits": ({"max_age": "\u0661"}, "invalid_request"),
    "a huge age": ({"max_age": "9" * 10}, "invalid_request"),
    "an acr that nothing here proves": ({"acr_values": "phrh"}, "unmet_authentication_requirements"),
    "acr in the claims": (
        {"acr_values": "1", "claims": '{"id_token": {"acr": {"essential": true, "value": "phrh"}}}'},
        "unmet_authentication_requirements",
    ),
    "claims that are none": ({"claims": "{"}, "invalid_request"),
    "a short thumbprint": ({"dpop_jkt": "x"}, "invalid_request"),
    "a request object": ({"request": "e30.e30."}, "request_not_supported"),
    "a request by reference": ({"request_uri": "https://spa.example.com/r"}, "request_not_supported"),
    "a registration": ({"registration": "{}"}, "registration_not_supported"),
    "an empty ID token hint": ({"id_token_hint": "e30.e30.AA"}, "invalid_request"),
    "a hint for another app": ({"id_token_hint": id_token(aud="wiki")}, "invalid_request"),
    "a hint for several apps": ({"id_token_hint": id_token(aud=["spa"])}, "invalid_request"),
    "a hint of another issuer": ({"id_token_hint": id_token(iss="https://evil.example")}, "invalid_request"),
    "a hint with another key": ({"id_token_hint": id_token(STRANGER)}, "invalid_request"),
    "a hint with a key that says to be ours": (
        {
            "id_token_hint": STRANGER.sign(
                "JWT", {"iss": ISSUER, "aud": "spa", "sub": "u_1", "sid": "s"}, kid=SIGNER.kid
            )
        },
        "invalid_request",
    ),
    "a hint that is an access token": ({"id_token_hint": id_token(typ="at+jwt")}, "invalid_request"),
    "a hint that is a logout token": ({"id_token_hint": id_token(typ="logout+jwt")}, "invalid_request"),
    "a hint without a person": ({"id_token_hint": id_token(sub=None)}, "invalid_request"),
    "an unsigned hint": ({"id_token_hint": with_header(alg="none")}, "invalid_request"),
    "a hint without any signature": (
        {"id_token_hint": with_header(alg="none").rpartition(".")[0] + "."},
        "invalid_request",
    ),
    "a hint with another algorithm": ({"id_token_hint": with_header(alg="PS256")}, "invalid_request"),
    "a hint by HMAC": ({"id_token_hint": with_header(alg="HS256")}, "invalid_request"),
    "a hint with a critical header": ({"id_token_hint": with_header(crit=["x"])}, "invalid_request"),
    "an unprintable state": ({"state": "\x1b"}, "invalid_request"),
    "an unprintable nonce": ({"nonce": "\0"}, "invalid_request"),
}


@pytest.mark.parametrize(("changed", "error"), REFUSED.values(), ids=REFUSED)
def test_each_leg_carries_weight(changed: dict[str, str], error: str) -> None:
    client = changed.get("client", "spa")
    with pytest.raises(OAuthError) as raised:
        read(client, {name: value for name, value in changed.items() if name != "client"})

    assert raised.value.error == error


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {"client_id", "redirect_uri"}))
def test_a_parameter_that_comes_twice_is_refused(name: str) -> None:
    sent = asked()
    parameters = Parameters.of([*sent.items(), (name, sent.get(name, "")), (name, "")])

    with pytest.raises(OAuthError) as raised:
        read_request(parameters, address_of(parameters, CLIENTS), PUBLISHED, pushed=False)

    assert raised.value.error == ("invalid_target" if name == "resource" else "invalid_request")


FINE: dict[str, dict[str, str]] = {
    "acr 1": {"acr_values": "2 1"},
    "acr 1 in the claims": {"claims": '{"id_token": {"acr": {"essential": true, "values": ["1", "2"]}}}'},
    "acr that is wished": {"claims": '{"id_token": {"acr": {"value": "2"}}}'},
    "pkce: optional": {"client": "wiki", "code_challenge": "", "code_challenge_method": "", "nonce": "n"},
    "a key": {"dpop_jkt": CHALLENGE},
    "form_post": {"response_mode": "form_post"},
    "query": {"response_mode": "query"},
    "a nonce of 64": {"nonce": "n" * 64},
    "at once": {"max_age": "0"},
    "select_account": {"prompt": "login select_account"},
    "an expired ID token hint": {"id_token_hint": id_token()},
}


@pytest.mark.parametrize("changed", FINE.values(), ids=FINE)
def test_what_else_is_fine(changed: dict[str, str]) -> None:
    client = changed.get("client", "spa")
    read(client, {name: value for name, value in changed.items() if name != "client"})


def test_a_client_that_has_to_push_may_push() -> None:
    assert read("pushes", pushed=True).scopes == ("openid",)


def test_a_parameter_that_nobody_knows_is_ignored_however_often_it_comes() -> None:
    parameters = own_parameters([*asked().items(), ("x", "1"), ("x", "\0")])

    assert read_request(parameters, address_of(parameters, CLIENTS), PUBLISHED, pushed=False).scopes == ("openid",)


@pytest.mark.parametrize(
    ("client", "changed", "resource"),
    [
        ("spa", {}, API),
        ("spa", {"resource": API}, API),
        ("spa", {"resource": ISSUER}, ISSUER),
        ("wiki", {}, ISSUER),
        ("pushes", {}, ISSUER),
        ("pushes", {"resource": "https://other.example.com"}, "https://other.example.com"),
    ],
)
def test_a_token_is_for_one_resource(client: str, changed: dict[str, str], resource: str) -> None:
    assert read(client, changed, pushed=True).resource == resource


def test_only_a_client_that_may_refresh_gets_what_outlives_a_login() -> None:
    spa = CLIENTS["spa"]

    assert read("spa", {"scope": "openid offline_access"}).is_offline(spa)
    assert not read().is_offline(spa)


@pytest.mark.parametrize(
    ("changed", "authenticated_at", "asks"),
    [
        ({}, 0, False),
        ({"prompt": "login"}, 999, True),
        ({"prompt": "login"}, 1_000, False),
        ({"max_age": "60"}, 950, False),
        ({"max_age": "60"}, 949, True),
        ({"max_age": "0"}, 999, True),
        ({"max_age": "0"}, 1_000, False),
        ({"prompt": "consent"}, 0, False),
    ],
)
def test_how_fresh_a_login_has_to_be(changed: dict[str, str], authenticated_at: int, asks: bool) -> None:
    """The request began at 1,000, and it is 1,010 now."""
    assert met(read("spa", changed).need(1_000, 1_010), by_password(authenticated_at), 1_010) is not asks


@pytest.mark.parametrize(
    ("changed", "acr"),
    [
        ({}, ""),
        ({"acr_values": "2"}, "2"),
        ({"acr_values": "phr 2 unknown"}, "2"),
        ({"acr_values": "phrh phr"}, "phr"),
        ({"claims": '{"id_token": {"acr": {"essential": true, "values": ["phr", "2"]}}}'}, "2"),
        ({"acr_values": "1", "claims": '{"id_token": {"acr": {"essential": true, "value": "phr"}}}'}, "phr"),
        ({"claims": '{"id_token": {"acr": {"value": "2"}}}'}, ""),
    ],
)
def test_of_the_acrs_that_an_app_takes_the_weakest_has_to_be_met(changed: dict[str, str], acr: str) -> None:
    assert read("spa", changed).need(1_000, 1_010) == Need(acr=acr)


def test_an_answer_names_who_answers_and_says_the_state_again() -> None:
    address = addressed(asked())
    url = address.url(address.values(ISSUER, {"code": "c"}))

    assert url.startswith("https://spa.example.com/cb?")
    assert parse_qsl(urlsplit(url).query) == [("code", "c"), ("state", "s t&te"), ("iss", ISSUER)]


def test_an_answer_is_added_to_the_query_of_the_address() -> None:
    address = addressed(asked(redirect_uri="https://spa.example.com/cb?tenant=1", state=""))

    assert address.url({"code": "c"}) == "https://spa.example.com/cb?tenant=1&code=c"
    assert address.values(ISSUER, {}) == {"iss": ISSUER}


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("https://spa.example.com:8443/cb?a=1", "https://spa.example.com:8443"),
        ("http://127.0.0.1:4711/cb", "http://127.0.0.1:4711"),
        ("http://[::1]:4711/cb", "http:"),
        ("com.example.cli:/cb", "com.example.cli:"),
    ],
)
def test_a_form_may_lead_to_the_address_and_nowhere_else(uri: str, target: str) -> None:
    assert form_target(uri) == target


ALL = {"openid", "profile", "notes.read"}


@pytest.mark.parametrize(
    ("client", "changed", "given", "asks"),
    [
        ("spa", {}, set(), True),
        ("spa", {}, {"profile"}, True),
        ("spa", {}, ALL, False),
        ("spa", {"prompt": "consent"}, ALL, True),
        ("cli", {}, ALL, True),
        ("cli", {"redirect_uri": "com.example.cli:/cb"}, ALL, True),
        ("wiki", {}, set(), False),
        ("wiki", {"prompt": "consent"}, ALL, True),
        ("wiki", {"scope": "openid offline_access"}, ALL, True),
        ("wiki", {"scope": "openid offline_access"}, {"offline_access"}, False),
    ],
)
def test_when_a_person_is_asked(client: str, changed: dict[str, str], given: set[str], asks: bool) -> None:
    """On a device any app may take another's address, so there each time (O17). Offline access is never implied."""
    assert asks_consent(read(client, changed), addressed(asked(client, **changed)), given) is asks


ANY = st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=40) | st.sampled_from(sorted(asked().values())))


@given(ANY, st.booleans())
def test_any_request_is_read_or_refused_in_words_of_the_rfcs(changed: dict[str, str], pushed: bool) -> None:
    parameters = Parameters.of({**asked(), **changed}.items())
    try:
        address = address_of(parameters, CLIENTS)
        request = read_request(parameters, address, PUBLISHED, pushed=pushed)
    except Unaddressed:
        return
    except OAuthError as error:
        _expect_in_words_of_the_rfcs(error)
        return
    assert address.redirect_uri in address.client.redirect_uris or address.client.type == "native"
    assert {*request.scopes} <= {*address.client.scopes}


def _expect_in_words_of_the_rfcs(error: OAuthError) -> None:
    assert error.error.replace("_", "").isalpha()
    assert all(" " <= character <= "~" and character not in '"\\' for character in error.description)
