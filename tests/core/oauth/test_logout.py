"""Requests of apps to log out: from one that needs no question, one thing is taken away at a time (O19)."""

import pytest

from gateway.core.jose.keys import SigningKey
from gateway.core.keys import Keys
from gateway.core.oauth.claims import session_id
from gateway.core.oauth.logout import (
    NO_REQUEST,
    LogoutRequest,
    read_logout,
    seal_logout_request,
    unseal_logout_request,
)
from gateway.core.oauth.parameters import Parameters
from tests.core.policy.clients import APP, WEB, client_of

ISSUER = "https://auth.example.org"
KEY, OTHER = SigningKey.generate("ES256"), SigningKey.generate("ES256")
PUBLISHED = {KEY.kid: KEY.verification}
KEYS = Keys.derive(b"r" * 32, b"i" * 32)
LOGIN = b"l" * 16
BACK = "https://w.example/bye"
CLIENTS = {"c": client_of(WEB, f"post_logout_redirect_uris: [{BACK}, 'https://w.example/bye?x=1']")}
SID = session_id(KEYS.token, LOGIN, "c")


def hint(key: SigningKey = KEY, typ: str = "JWT", **changed: object) -> str:
    """exp: long ago."""
    return key.sign(typ, {"iss": ISSUER, "aud": "c", "sid": SID, "sub": "u_1", "exp": 1, **changed})


def read(*more: tuple[str, str], **changed: str) -> LogoutRequest:
    sent = {"id_token_hint": hint(), "post_logout_redirect_uri": BACK, "state": "s t&te", "client_id": "c", **changed}
    return read_logout(Parameters.of([*sent.items(), *more]), ISSUER, PUBLISHED)


@pytest.mark.parametrize("client", ["c", ""])
def test_an_expired_hint_of_this_login_and_a_registered_address(client: str) -> None:
    request = read(client_id=client)

    assert request.is_of(LOGIN, KEYS.token)
    assert request.way_back(CLIENTS) == BACK + "?state=s+t%26te"
    assert read(state="").way_back(CLIENTS) == BACK
    assert read(post_logout_redirect_uri=BACK + "?x=1").way_back(CLIENTS) == BACK + "?x=1&state=s+t%26te"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x.y.z",
        hint(OTHER),
        hint(OTHER)[:-86] + hint()[-86:],
        hint()[:-86] + hint(OTHER)[-86:],
        hint(typ="at+jwt"),
        hint(typ="logout+jwt"),
        hint(iss="https://evil.example"),
        hint(aud=["c"]),
        hint(aud=None),
        hint(sid=None),
        hint(sid=""),
    ],
)
def test_what_is_no_id_token_of_ours_proves_no_login(text: str) -> None:
    request = read(id_token_hint=text)

    assert not request.is_of(LOGIN, KEYS.token)
    assert request.way_back(CLIENTS) == BACK + "?state=s+t%26te"  # after the question


def test_an_id_token_of_another_login_or_for_another_app_is_not_of_this_login() -> None:
    assert not read().is_of(b"m" * 16, KEYS.token)
    assert not read(id_token_hint=hint(aud="d"), client_id="").is_of(LOGIN, KEYS.token)
    assert not read(id_token_hint=hint(sid="é")).is_of(LOGIN, KEYS.token)


@pytest.mark.parametrize(
    "changed",
    [
        {"post_logout_redirect_uri": ""},
        {"post_logout_redirect_uri": BACK + "/"},
        {"post_logout_redirect_uri": "https://w.example/cb"},  # for logins only
        {"post_logout_redirect_uri": "https://evil.example"},
        {"id_token_hint": "", "client_id": ""},
        {"id_token_hint": "", "client_id": "d"},
        {"client_id": "d"},
        {"id_token_hint": hint(aud="d")},
        {"state": "\0"},
    ],
)
def test_nothing_else_leads_anywhere(changed: dict[str, str]) -> None:
    assert read(**changed).way_back(CLIENTS) == ""


@pytest.mark.parametrize("name", ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"])
def test_what_comes_twice_counts_for_nothing(name: str) -> None:
    assert read((name, "x")) == NO_REQUEST


def test_a_native_app_gets_any_port_of_its_loopback_address() -> None:
    redirects = "redirect_uris: 'http://127.0.0.1/cb', consent: ask"
    app = client_of(APP, f"{redirects}, post_logout_redirect_uris: 'http://127.0.0.1/bye'")

    assert LogoutRequest("c", "", "http://127.0.0.1:4711/bye", "").way_back({"c": app}) == "http://127.0.0.1:4711/bye"
    assert LogoutRequest("c", "", "http://127.0.0.1:4711/cb", "").way_back({"c": app}) == ""


def test_a_request_comes_back_from_its_seal_and_nothing_else_does() -> None:
    sealed = seal_logout_request(KEYS.interaction, read(), b"n" * 12)

    assert unseal_logout_request(KEYS.interaction, sealed) == read()
    assert unseal_logout_request(KEYS.interaction, sealed[:-1]) == NO_REQUEST
    assert unseal_logout_request(KEYS.journey, sealed) == NO_REQUEST
    assert seal_logout_request(KEYS.interaction, read(state="x" * 9000), b"n" * 12) == ""
