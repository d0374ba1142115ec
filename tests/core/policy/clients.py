"""Owns clients that are fine, for tests to take something away from."""

from hashlib import sha256
from typing import Final

from gateway.core.oauth.clients import Client
from tests.core.policy.build import mistakes, policy_of

SECRET: Final = "k" * 32
DIGEST: Final = sha256(SECRET.encode()).hexdigest()
KEY: Final = "{kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo, kid: one}"
WEB: Final = (
    f"{{name: Wiki, type: web, redirect_uris: https://w.example/cb, secret: {{sha256: {DIGEST}}}, scopes: openid"
)
SPA: Final = "{name: Notes, type: spa, redirect_uris: https://n.example/cb, scopes: openid"
APP: Final = "{name: Mail, type: native, scopes: openid"
KEYS: Final = f"jwks: {{keys: [{KEY}]}}"
BANK: Final = f"{{name: Bank, type: web, profile: fapi2, redirect_uris: https://b.example/cb, {KEYS}, scopes: openid"
BY_URL: Final = "{name: Bank, type: web, redirect_uris: https://b.example/cb, scopes: openid"
BATCH: Final = f"{{name: Batch, type: service, secret: {{sha256: {DIGEST}}}, scopes: read"
SCOPES: Final = "define: {scopes: {read: Read your notes, orders.read: Read your orders}}\n"


def text(client: str, more: str = "") -> str:
    return f"{SCOPES}clients:\n  c: {client}{f', {more}' if more else ''}}}\n"


def client_of(client: str, more: str = "") -> Client:
    return policy_of(text(client, more)).clients["c"]


def said(client: str, more: str = "") -> str:
    return "\n".join(mistakes(text(client, more)))
