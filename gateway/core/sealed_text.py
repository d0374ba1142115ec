"""Seals small values into text that travels in URLs, so that no log along the way shows them.

`v1.` and base64url of nonce and AES-256-GCM ciphertext, with the purpose as additional data. The layout is in browsers
for an hour: it changes only with a new version prefix.
"""

import json
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.base64url import b64, unb64_strict
from gateway.core.errors import GatewayError

NONCE_BYTES: Final = 12
MOST_CHARS: Final = 6000
_PREFIX: Final = "v1."
_written: Final = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make an encoder for each


class BadSeal(GatewayError):
    """Not sealed by us, or for another purpose; nothing can be read from it."""


def seal_text(key: bytes, purpose: bytes, values: dict[str, Any], nonce: bytes) -> str:
    """nonce: NONCE_BYTES random bytes. What is longer than MOST_CHARS is no address."""
    assert len(nonce) == NONCE_BYTES
    text = _written(values).encode()
    return _PREFIX + b64(nonce + _cipher(key).encrypt(nonce, text, purpose))


def unseal_text(key: bytes, purpose: bytes, text: str, *, longest: int = MOST_CHARS) -> dict[str, Any]:
    """Raises BadSeal."""
    if not text.startswith(_PREFIX) or len(text) > longest or not text.isascii():
        raise BadSeal("not in our form")
    try:
        raw = unb64_strict(text.removeprefix(_PREFIX))
        plain = _cipher(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose)
    except (ValueError, InvalidTag) as error:
        raise BadSeal("not sealed by us for this purpose") from error
    values: dict[str, Any] = json.loads(plain)
    return values


@lru_cache(4)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
