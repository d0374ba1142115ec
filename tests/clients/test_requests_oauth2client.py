"""requests-oauth2client 1.8 as it is, through Caddy."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from jwskate import Jwk
from requests_oauth2client import (
    ClientSecretBasic,
    ClientSecretPost,
    DPoPKey,
    DPoPToken,
    IdToken,
    InvalidClient,
    InvalidGrant,
    OAuth2Client,
    OAuth2ClientCredentialsAuth,
    OAuth2Error,
    PrivateKeyJwt,
    PublicApp,
)

from tests.clients.declared import KEYS, SECRET, pem
from tests.staging import Stage

Person = Callable[[str], str]


def discovered(stage: Stage, auth: Any, **more: Any) -> OAuth2Client:
    return OAuth2Client.from_discovery_endpoint(
        issuer=stage.auth, auth=auth, redirect_uri=str(stage.summary["redirect_uri"]), **more
    )


def signed(client: str, alg: str, **more: Any) -> PrivateKeyJwt:
    key = Jwk.from_pem(pem(alg)).with_kid_thumbprint()
    assert key.kid == KEYS[alg].kid
    return PrivateKeyJwt(client, key, alg=alg, **more)


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256"])
def test_a_web_app_with_dpop(stage: Stage, person: Person, alg: str) -> None:
    """Pushed request, PKCE, code bound to the key, private_key_jwt; then all that the tokens are for.

    The library can't validate an ID token beside a DPoP token by itself: `DPoPToken.__init__() missing _dpop_key`.
    """
    app = discovered(stage, signed("library", alg), dpop_bound_access_tokens=True)
    asked = app.authorization_request(
        scope="openid profile groups", resource=stage.auth, dpop=True, acr_values="1", nonce="n" * 64
    )
    pushed = app.pushed_authorization_request(asked)

    answer = asked.validate_callback(person(str(pushed)))
    tokens = app.authorization_code(answer, validate=False)

    assert isinstance(tokens, DPoPToken)
    assert tokens.token_type == "DPoP"
    assert isinstance(tokens.id_token, IdToken)
    assert tokens.id_token.verify_signature(app.authorization_server_jwks, alg="ES256")
    assert tokens.id_token.nonce == "n" * 64
    who = app.userinfo(tokens)
    assert (who["sub"], who["preferred_username"]) == (tokens.id_token.sub, stage.summary["user"])

    renewed = app.refresh_token(tokens)
    assert isinstance(renewed, DPoPToken)
    assert renewed.refresh_token != tokens.refresh_token
    told = app.introspect_token(renewed)
    assert told["active"] is True
    assert told["cnf"]["jkt"] == renewed.dpop_key.dpop_jkt

    assert app.revoke_refresh_token(renewed) is True
    assert app.introspect_token(renewed)["active"] is False
    with pytest.raises(InvalidGrant):
        app.refresh_token(renewed)


@pytest.mark.parametrize("way", [ClientSecretBasic, ClientSecretPost])
def test_a_web_app_of_profile_oidc(
    stage: Stage, person: Person, way: type[ClientSecretBasic | ClientSecretPost]
) -> None:
    """The library validates the ID token, and takes RS256 unless it is told otherwise."""
    app = discovered(stage, way("library-oidc", SECRET))
    asked = app.authorization_request(scope="openid email", nonce="n" * 64)

    tokens = app.authorization_code(asked.validate_callback(person(str(asked))), validate=True)

    assert isinstance(tokens.id_token, IdToken)
    assert tokens.id_token.alg == "RS256"
    assert app.userinfo(tokens)["email"]
    assert app.revoke_access_token(tokens) is True
    assert app.introspect_token(tokens)["active"] is False


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_a_bank(stage: Stage, person: Person, alg: str) -> None:
    """Profile fapi2: the issuer as the one audience of the assertion; the token opens its API, by the proof only."""
    app = discovered(stage, signed("library-fapi2", alg, aud=stage.auth), dpop_bound_access_tokens=True)
    asked = app.authorization_request(scope="openid notes.read", dpop=True)
    pushed = app.pushed_authorization_request(asked)

    tokens = app.authorization_code(asked.validate_callback(person(str(pushed))), validate=False)

    assert isinstance(tokens, DPoPToken)
    answer = requests.get(f"{stage.app}/tokens/x", auth=tokens, timeout=10)
    assert answer.status_code == 200
    assert "ada" in answer.text
    as_bearer = {"Authorization": f"Bearer {tokens.access_token}"}
    assert requests.get(f"{stage.app}/tokens/x", headers=as_bearer, timeout=10).status_code == 401


def test_a_bank_has_to_assert_to_the_issuer(stage: Stage) -> None:
    """FAPI 2.0 section 5.3.2.1. The library asserts to the endpoint, if it is not told whom."""
    app = discovered(stage, signed("library-fapi2", "ES256"), dpop_bound_access_tokens=True)

    with pytest.raises(InvalidClient):
        app.pushed_authorization_request(app.authorization_request(scope="openid"))


@pytest.mark.parametrize("way", [ClientSecretBasic, ClientSecretPost])
def test_a_service(stage: Stage, way: type[ClientSecretBasic | ClientSecretPost]) -> None:
    app = discovered(stage, way("library-service", SECRET))

    answer = requests.get(f"{stage.app}/tokens/x", auth=OAuth2ClientCredentialsAuth(app), timeout=10)

    assert answer.status_code == 200
    assert "client:library-service" in answer.text


def test_a_service_with_dpop(stage: Stage) -> None:
    app = discovered(stage, ClientSecretBasic("library-service", SECRET))
    tokens = app.client_credentials(scope="notes.read", dpop=True, dpop_key=DPoPKey.generate(alg="ES256"))

    answer = requests.get(f"{stage.app}/tokens/x", auth=tokens, timeout=10)

    assert answer.status_code == 200


def test_a_command_line_tool(stage: Stage, person: Person) -> None:
    """A public client on a port of its own; its refresh token is bound to the key too."""
    app = discovered(stage, PublicApp("cli"))
    asked = app.authorization_request(redirect_uri="http://127.0.0.1:49152/cb", scope="openid", dpop=True)

    answer = asked.validate_callback(person(str(asked)))
    tokens = app.authorization_code(answer, validate=False)

    assert isinstance(tokens, DPoPToken)
    assert app.userinfo(tokens)["sub"]
    assert isinstance(app.refresh_token(tokens), DPoPToken)
    assert tokens.refresh_token
    with pytest.raises(OAuth2Error):
        app.refresh_token(tokens.refresh_token, dpop_key=DPoPKey.generate(alg="ES256"))
