"""Owns DPoP nonces (RFC 9449 section 8): made from a key, a minute and the history of Redis, and remembered nowhere.

A nonce is `incarnation 6 | minute 4 | HMAC 12` in base64url. It names the incarnation of Redis that made it, so that a
proof that a lost Redis saw does not pass at the next.
"""

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from gateway.core.base64url import b64, unb64_strict

NONCE_CHARS: Final = 30
_BODY_BYTES: Final = 10
_MAC_BYTES: Final = 12
_MINUTE: Final = struct.Struct(">I")
_MINUTES_AFTER: Final = 2
_MINUTES_AHEAD: Final = 1  # it was made by the clock of Redis, and is read by the node's


@dataclass(frozen=True, slots=True)
class NonceStamp:
    """A good nonce of ours. inc: the incarnation that it names; current: of this minute, so no new one is due."""

    inc: int
    current: bool


class Nonces:
    def __init__(self, nonce_key: bytes) -> None:
        self._key = nonce_key

    def make(self, inc: int, now: int) -> str:
        """inc: of Redis, below 2^48. The same for everybody within a minute. now: Unix seconds."""
        body = inc.to_bytes(6) + _MINUTE.pack(now // 60)
        return b64(body + self._mac(body))

    def read(self, text: str, now: int) -> NonceStamp | None:
        """None: not ours, or not of this minute or the two before. Compared in constant time."""
        if len(text) != NONCE_CHARS:
            return None
        try:
            raw = unb64_strict(text)
        except ValueError:
            return None
        body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if not hmac.compare_digest(self._mac(body), mac):
            return None
        age = now // 60 - _MINUTE.unpack(body[6:])[0]
        return NonceStamp(int.from_bytes(body[:6]), age <= 0) if -_MINUTES_AHEAD <= age <= _MINUTES_AFTER else None

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_MAC_BYTES]
