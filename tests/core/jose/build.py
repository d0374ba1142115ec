"""Tokens as an attacker writes them: any header and payload, signed or not."""

import json
from collections.abc import Mapping
from functools import cache

from gateway.core.base64url import b64
from gateway.core.jose.keys import SigningKey


@cache
def _made(alg: str, whose: str) -> SigningKey:
    """One for each: making one of RSA takes a while."""
    del whose
    return SigningKey.generate(alg)


def key(alg: str = "ES256") -> SigningKey:
    return _made(alg, "ours")


def other_key(alg: str = "ES256") -> SigningKey:
    return _made(alg, "an attacker's")


def part(value: object) -> str:
    """value: JSON text as it stands, or what becomes JSON."""
    return b64((value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogatepass"))


def token(header: object, payload: object = "{}", signature: bytes = b"s") -> str:
    return f"{part(header)}.{part(payload)}.{b64(signature)}"


def jwk(of: str = "ES256", /, **members: object) -> dict[str, object]:
    """A public key that is accepted, with these members in place or beside. of: its algorithm."""
    return {**key(of).verification.jwk, **members}


def without(mapping: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in mapping.items() if key != name}
