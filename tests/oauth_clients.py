"""Clients of tests, as a policy declares them."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.clients import Client
from gateway.core.policy.compile import Policy, compile_policy
from gateway.core.policy.site import Site

SECRET = "correct horse battery staple, longer"
DIGEST = sha256(SECRET.encode()).hexdigest()
ES256, ED25519, PS256 = (SigningKey.generate(alg) for alg in ("ES256", "EdDSA", "PS256"))
RS256 = SigningKey.of_pkcs8(PS256.pkcs8(), "RS256")
ISSUER = "https://auth.example.org"
API = "https://api.example.org"
_NUMBERS = count(1)


def jwks_text(*keys: SigningKey) -> str:
    return json.dumps({"keys": [dict(key.verification.jwk) | {"kid": key.kid} for key in keys]})


POLICY = f"""
define: {{scopes: {{notes.read: Read your notes, notes.write: Change your notes}}}}
apps:
  api: {{hosts: api.example.org, allow: authenticated}}
  other: {{hosts: other.example.org, allow: authenticated}}
clients:
  spa: {{name: Notes, type: spa, redirect_uris: https://spa.example.org/cb, scopes: [openid, profile, email, groups,
    notes.read, notes.write]}}
  spa2: {{name: More notes, type: spa, redirect_uris: https://spa2.example.org/cb, scopes: [openid],
    allow: {{groups: staff}}}}
  wiki: {{name: Team wiki, profile: oidc, type: web, redirect_uris: https://wiki.example.org/cb,
    secret: {{sha256: {DIGEST}}}, scopes: [openid, profile, email, groups]}}
  bank: {{name: Payments, profile: fapi2, type: web, redirect_uris: https://pay.example.org/cb,
    jwks: {jwks_text(ES256, ED25519, PS256)}, scopes: [openid, notes.read], resources: {API}}}
  jwt: {{name: Signs, type: web, redirect_uris: https://jwt.example.org/cb, jwks: {jwks_text(ES256, PS256)},
    scopes: [openid, notes.read]}}
  robot: {{name: Nightly job, type: service, secret: {{sha256: {DIGEST}}}, scopes: [notes.read, notes.write],
    resources: {API}}}
  keeper: {{name: Keeper, type: service, secret: {{sha256: {DIGEST}}}, scopes: [notes.read],
    resources: [{API}, "https://other.example.org"]}}
"""


def policy_of(text: str = POLICY) -> Policy:
    return compile_policy({"clients.yaml": text}, Site("auth.example.org"))


CLIENTS = policy_of().clients


def client(name: str) -> Client:
    return CLIENTS[name]


@dataclass(frozen=True)
class Asserted:
    """What a client assertion says; a claim that is None is left out."""

    key: SigningKey
    now: int
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)

    def text(self, client_id: str) -> str:
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": ISSUER,
            "iat": self.now,
            "exp": self.now + 60,
            "jti": f"jti-{next(_NUMBERS)}",
        } | self.claims
        header = dict(self.header)
        typ = header.pop("typ", "JWT")
        return self.key.sign(typ, {name: value for name, value in claims.items() if value is not None}, **header)
