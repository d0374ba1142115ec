"""Owns what a public key is called: its RFC 7638 thumbprint."""

import hashlib
import json
from collections.abc import Mapping

from gateway.core.base64url import b64


def thumbprint(jwk: Mapping[str, str]) -> str:
    """SHA-256, 43 characters. jwk: the members that the key type requires, and no others."""
    text = json.dumps(dict(jwk), sort_keys=True, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())
