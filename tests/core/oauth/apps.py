"""The clients that tests of the authorization server know, and a request that each may make."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from gateway.core.base64url import b64
from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.request import Published
from gateway.core.policy.compile import Policy, Site, compile_policy

ISSUER: Final = "https://auth.example.com"
SIGNER: Final = SigningKey.generate("ES256")
PUBLISHED: Final = Published(ISSUER, {SIGNER.kid: SIGNER.verification})
API: Final = "https://api.example.com"
SECRET: Final = "s" * 32
VERIFIER: Final = "v" * 43
CHALLENGE: Final = b64(sha256(VERIFIER.encode()).digest())
_POLICY: Final = f"""
define:
  scopes: {{notes.read: Read your notes, notes.write: Change your notes}}
clients:
  spa:
    name: Notes
    type: spa
    redirect_uris: ["https://spa.example.com/cb", "https://spa.example.com/cb?tenant=1"]
    scopes: [openid, profile, notes.read, offline_access]
    resources: {API}
  wiki:
    name: Team wiki
    type: web
    profile: oidc
    pkce: optional
    redirect_uris: https://wiki.example.com/cb
    secret: {{sha256: {sha256(SECRET.encode()).hexdigest()}}}
    scopes: [openid, profile, email, groups, offline_access]
    allow: {{groups: staff}}
    consent: implied
  pushes:
    name: Pushes
    type: web
    par: required
    redirect_uris: https://pushes.example.com/cb
    secret: {{sha256: {sha256(SECRET.encode()).hexdigest()}}}
    scopes: [openid, notes.read]
    resources: [{API}, "https://other.example.com"]
    require: {{authenticated_within: 10m}}
  cli:
    name: Command line
    type: native
    redirect_uris: ["http://127.0.0.1/cb", "com.example.cli:/cb"]
    scopes: [openid, notes.read]
    resources: {API}
  batch:
    name: Batch
    type: service
    secret: {{sha256: {sha256(SECRET.encode()).hexdigest()}}}
    scopes: notes.read
    resources: {API}
  strong:
    name: Strong
    type: web
    redirect_uris: https://strong.example.com/cb
    secret: {{sha256: {sha256(SECRET.encode()).hexdigest()}}}
    scopes: [openid]
    require: {{mfa: true}}
"""


def apps() -> Policy:
    return compile_policy({"clients.yaml": _POLICY}, Site("auth.example.com"))


def asked(client: str = "spa", **changed: str) -> dict[str, str]:
    """What an app sends; "" takes a parameter away."""
    redirect = {"spa": "https://spa.example.com/cb", "cli": "http://127.0.0.1:4711/cb"}
    sent: Mapping[str, str] = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": redirect.get(client, f"https://{client}.example.com/cb"),
        "scope": "openid",
        "state": "s t&te",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**sent, **changed}.items() if value}


def id_token(key: SigningKey = SIGNER, typ: str = "JWT", **changed: object) -> str:
    """Of ours for spa, long expired."""
    return key.sign(typ, {"iss": ISSUER, "aud": "spa", "sub": "u_1", "sid": "s", "exp": 1, "iat": 0} | changed)
