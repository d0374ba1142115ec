"""Owns what tokens and userinfo say of a person: by scope, and nothing that no scope asked for."""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.base64url import b64

_HALF: Final = 16  # of SHA-256, as every algorithm here is of 256 bits


@dataclass(frozen=True, slots=True, repr=False)
class Described:
    """A person in their own words; email and name may be "". repr is left out: it holds personal words."""

    username: str
    name: str
    email: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class SignIn:
    """How the person signed in, for an ID token. nonce "": none. access_token: the one that goes with it."""

    authenticated_at: int
    acr: str
    amr: tuple[str, ...]
    sid: str
    nonce: str
    access_token: str


_CLAIMS: Final[Mapping[str, Mapping[str, Callable[[Described], object]]]] = {
    "profile": {"name": lambda one: one.name, "preferred_username": lambda one: one.username},
    "email": {"email": lambda one: one.email},
    "groups": {"groups": lambda one: list(one.groups)},
}
PERSONAL: Final = tuple(name for claims in _CLAIMS.values() for name in claims)


def personal_claims(person: Described, scopes: Collection[str]) -> dict[str, object]:
    """What the scopes let an app read; what the person does not have is left out (OpenID Connect Core 5.3.2)."""
    asked = (
        (name, read(person)) for scope, claims in _CLAIMS.items() if scope in scopes for name, read in claims.items()
    )
    return {name: value for name, value in asked if value != ""}


def id_token_claims(issuer: str, subject: str, client: str, sign_in: SignIn, now: int, ttl_s: int) -> dict[str, object]:
    """OpenID Connect Core section 2. now: Unix seconds."""
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": subject,
        "aud": client,
        "iat": now,
        "exp": now + ttl_s,
        "auth_time": sign_in.authenticated_at,
        "acr": sign_in.acr,
        "amr": list(sign_in.amr),
        "sid": sign_in.sid,
        "at_hash": b64(hashlib.sha256(sign_in.access_token.encode()).digest()[:_HALF]),
    }
    return claims | ({"nonce": sign_in.nonce} if sign_in.nonce else {})


def session_id(key: bytes, login_id: bytes, client: str) -> str:
    """`sid`: two clients can't tell that theirs is one login. key: of access tokens."""
    return b64(hmac.digest(key, b"sid\0" + login_id + client.encode(), "sha256")[:_HALF])
