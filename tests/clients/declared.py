"""The clients that the libraries are, and the route that their tokens open. The demo of all tests has them."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization

from gateway.core.jose.keys import SigningKey

SECRET: Final = "no-library-has-to-encode-this-1234567890"
ROUTE: Final = "tokens: {paths: /tokens/**, credentials: [bearer, dpop], allow: {scopes: notes.read}}"
KEYS: Final = {alg: SigningKey.generate(alg) for alg in ("ES256", "EdDSA", "PS256")}
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
    jwks = {"keys": [dict(key.verification.jwk) | {"kid": key.kid} for key in KEYS.values()]}
    text = _POLICY.format(
        callback=f"{app}/public/callback",
        api=app,
        jwks=json.dumps(jwks),
        digest=sha256(SECRET.encode()).hexdigest(),
    )
    (directory / "libraries.yaml").write_text(text)


def pem(alg: str) -> str:
    key = serialization.load_der_private_key(KEYS[alg].pkcs8(), None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
