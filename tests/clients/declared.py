"""The clients that the libraries are, and the route that their tokens open. The demo of all tests has them."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization

from tests.oauth_clients import ED25519, ES256, PS256, jwks_text

SECRET: Final = "no-library-has-to-encode-this-1234567890"
ROUTE: Final = "tokens: {paths: /tokens/**, credentials: [bearer, dpop], allow: {scopes: notes.read}}"
KEYS: Final = {"ES256": ES256, "EdDSA": ED25519, "PS256": PS256}
_POLICY: Final = """\
clients:
  library:
    name: Library
    type: web
    redirect_uris: {callback}
    jwks: {jwks}
    scopes: [openid, profile, email, groups, offline_access, notes.read]
    resources: {api}
  library-fapi2:
    name: Library with FAPI
    profile: fapi2
    type: web
    redirect_uris: {callback}
    jwks: {jwks}
    scopes: [openid, profile, offline_access, notes.read]
    resources: {api}
  library-oidc:
    name: Library of 2014
    profile: oidc
    type: web
    redirect_uris: {callback}
    secret: {{sha256: {digest}}}
    scopes: [openid, profile, email, groups, offline_access]
  library-service:
    name: Library alone
    type: service
    secret: {{sha256: {digest}}}
    scopes: notes.read
    resources: {api}
"""


def declare(directory: Path, port: int) -> None:
    """directory: of policies. port: of Caddy."""
    app = f"https://app.localhost:{port}"
    text = _POLICY.format(
        callback=f"{app}/public/callback",
        api=app,
        jwks=jwks_text(*KEYS.values()),
        digest=sha256(SECRET.encode()).hexdigest(),
    )
    (directory / "libraries.yaml").write_text(text)


def pem(alg: str) -> str:
    key = serialization.load_der_private_key(KEYS[alg].pkcs8(), None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
