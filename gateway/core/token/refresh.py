"""Owns refresh tokens: `v1.<tag>.<grant>.<secret>.<mac>`, the layout of session tokens under a MAC key of their own.

A successor is derived from its predecessor and never stored: who repeats an exchange gets the same one, while Postgres
has only hashes. Derivation and layout are in apps' storage; they can't change without a new version prefix.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from gateway.core.base64url import unb64
from gateway.core.session import tokens

_FIRST: Final = b""


@dataclass(frozen=True, slots=True, repr=False)
class Refresh:
    """A refresh token whose MAC was right; whether it is the grant's current one, Postgres says.

    text: as it came. grant_id: 16 bytes, secret: 32.
    """

    text: str
    tag: str
    grant_id: bytes
    secret: bytes


class RefreshTokens:
    def __init__(self, refresh_key: bytes) -> None:
        self._mac_key = hmac.digest(refresh_key, b"mac", "sha256")
        self._successor_key = hmac.digest(refresh_key, b"successor", "sha256")

    def mint(self, tag: str, grant_id: bytes, secret: bytes) -> str:
        return tokens.mint(self._mac_key, tag, grant_id, secret).text

    def parse(self, text: str) -> Refresh | None:
        """None: not a refresh token of ours; no store is asked."""
        token = tokens.parse(self._mac_key, text)
        return None if token is None else Refresh(text, token.tag, token.login_id, unb64(token.secret))

    def first(self, grant_id: bytes) -> bytes:
        """The secret of generation 0."""
        return self._derived(grant_id, 0, _FIRST)

    def successor(self, grant_id: bytes, generation: int, secret: bytes) -> bytes:
        """The secret after this one. generation: that of secret, so 0 with the first one."""
        return self._derived(grant_id, generation + 1, secret)

    def hash(self, text: str) -> bytes:
        """What Postgres keeps of a refresh token, 32 bytes."""
        return hashlib.sha256(text.encode()).digest()

    def _derived(self, grant_id: bytes, generation: int, before: bytes) -> bytes:
        return hmac.digest(self._successor_key, grant_id + generation.to_bytes(8) + before, "sha256")
