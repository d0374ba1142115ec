"""Authlib 1.9 as it is, through Caddy."""

from collections.abc import Callable
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from tests.clients.declared import KEYS, SECRET, pem
from tests.staging import Stage

Person = Callable[[str], str]
KINDS: dict[str, Any] = {"ES256": ECKey, "PS256": RSAKey, "EdDSA": OKPKey}


def session(stage: Stage, client: str, scope: str, alg: str = "", **more: Any) -> tuple[OAuth2Session, dict[str, Any]]:
    """alg: of the key that it authenticates with; "" is by the secret. And what the server says of itself."""
    named = "EdDSA" if alg == "Ed25519" else alg
    key = KINDS[named].import_key(pem(named)) if alg else SECRET
    method = "private_key_jwt" if alg else "client_secret_basic"
    found = OAuth2Session(
        client,
        key,
        scope=scope,
        redirect_uri=stage.summary["redirect_uri"],
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        **more,
    )
    if alg:
        found.register_client_auth_method(PrivateKeyJWT(alg=alg, headers={"kid": KEYS[named].kid}))
    told = found.get(f"{stage.auth}/.well-known/openid-configuration", withhold_token=True).json()
    assert told["issuer"] == stage.auth
    return found, told


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
@pytest.mark.parametrize(
    ("client", "alg"),
    [("library", "ES256"), ("library", "PS256"), ("library", "EdDSA"), ("library", "Ed25519"), ("library-oidc", "")],
)
def test_a_web_app(stage: Stage, person: Person, client: str, alg: str) -> None:
    """Code with PKCE, ID token, userinfo, refresh, introspection, revocation. It knows neither PAR nor DPoP."""
    app, told = session(stage, client, "openid profile email groups", alg)
    verifier = "v" * 48
    address, state = app.create_authorization_url(
        told["authorization_endpoint"], code_verifier=verifier, nonce="n" * 64, resource=stage.auth
    )

    came_back = person(address)
    tokens = app.fetch_token(
        told["token_endpoint"], authorization_response=came_back, code_verifier=verifier, state=state
    )

    assert tokens["token_type"] == "Bearer"
    claims = id_claims(app, told, tokens["id_token"], client, tokens["access_token"])
    who = app.get(told["userinfo_endpoint"]).json()
    assert who["sub"] == claims["sub"]
    assert who["preferred_username"] == stage.summary["user"]
    assert who["groups"] == ["staff"]

    first = tokens["refresh_token"]
    renewed = app.refresh_token(told["token_endpoint"], refresh_token=first)
    assert renewed["refresh_token"] != first
    assert introspected(app, told, renewed["access_token"])["active"] is True

    assert app.revoke_token(told["revocation_endpoint"], token=renewed["refresh_token"]).status_code == 200
    assert introspected(app, told, renewed["access_token"]) == {"active": False}
    assert app.get(told["userinfo_endpoint"]).status_code == 401


def test_a_service(stage: Stage) -> None:
    app, told = session(stage, "library-service", "notes.read")

    app.fetch_token(told["token_endpoint"], grant_type="client_credentials")

    answer = app.get(f"{stage.app}/tokens/x")
    assert answer.status_code == 200
    assert "client:library-service" in answer.text


def id_claims(
    app: OAuth2Session, told: dict[str, Any], id_token: str, client: str, access_token: str
) -> dict[str, Any]:
    """As the library's own clients for web frameworks verify it."""
    keys = KeySet.import_key_set(app.get(told["jwks_uri"], withhold_token=True).json())
    token = jwt.decode(id_token, keys, algorithms=["ES256", "RS256"])
    claims = CodeIDToken(
        token.claims,
        token.header,
        {"iss": {"value": told["issuer"]}, "aud": {"value": client}},
        {"nonce": "n" * 64, "client_id": client, "access_token": access_token},
    )
    claims.validate(leeway=10)
    return dict(claims)


def introspected(app: OAuth2Session, told: dict[str, Any], token: str) -> dict[str, Any]:
    found: dict[str, Any] = app.introspect_token(told["introspection_endpoint"], token=token).json()
    return found
