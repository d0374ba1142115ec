"""Statements signed with a node's checkpoint key: compact JWS (RFC 7515) with Ed25519 (RFC 8037).

Each kind has a typ of its own, so that none passes for another (threats.md K4).
"""

import hashlib
from collections.abc import Mapping
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.audit.entries import canonical
from gateway.core.errors import GatewayError

_ALGORITHM: Final = "EdDSA"
_KEY_ID_CHARS: Final = 16
_JWS: Final = jwt.PyJWS(algorithms=[_ALGORITHM])


class BadStatement(GatewayError):
    """Not what one of the given keys has signed as such; the message says why."""


def key_id(key: Ed25519PublicKey) -> str:
    """16 hexadecimal digits of SHA-256 over the raw key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:_KEY_ID_CHARS]


def signed(key: Ed25519PrivateKey, type_: str, claims: Mapping[str, object]) -> str:
    """The same text for the same claims: Ed25519 takes no random bytes."""
    headers = {"typ": type_, "kid": key_id(key.public_key())}
    return _JWS.encode(canonical(claims).encode(), key, algorithm=_ALGORITHM, headers=headers)


def opened(text: str, type_: str, keys: Mapping[str, Ed25519PublicKey]) -> bytes:
    """The claims, as JSON. keys: by key_id. Raises BadStatement."""
    try:
        named = _JWS.get_unverified_header(text).get("kid")
        key = keys.get(named) if isinstance(named, str) else None
        if key is None:
            raise BadStatement("is signed with another key")
        decoded = _JWS.decode_complete(text, key, algorithms=[_ALGORITHM])
    except (jwt.PyJWTError, ValueError) as error:
        raise BadStatement(f"is not signed as it says: {error}") from error
    if decoded["header"].get("typ") != type_:
        raise BadStatement(f"is signed, but not as {type_}")
    payload: bytes = decoded["payload"]
    return payload
