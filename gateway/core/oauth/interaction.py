"""Owns the sealed authorization request while a browser works on it: at the login page, at the consent page, and back.

Strangers write no row, so the request itself travels; of a pushed one only its row's name does (oauth.md decision 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from gateway.core.sealed_text import MOST_CHARS, seal_text, unseal_text

INTERACTION_S: Final = 3600
_FUTURE_S: Final = 60
_PURPOSE: Final = b"interaction"


@dataclass(frozen=True, slots=True)
class Interaction:
    """client: its id. parameters: of the request. pushed: b64 hash of the id of a pushed one, whose parameters are in
    Postgres; "" otherwise. began_at: Unix seconds.

    kept, left: credential of the session that the person chose to go on with, or to leave for another account, in
    base64url; "" where they chose nothing. A new login has a new one, so it is asked again, or is let be.
    """

    client: str
    parameters: Mapping[str, str]
    pushed: str
    began_at: int
    kept: str = ""
    left: str = ""

    def is_timely(self, now: int) -> bool:
        return -_FUTURE_S <= now - self.began_at <= INTERACTION_S


_FIELDS: Final = tuple(one.name for one in fields(Interaction))


def seal_interaction(key: bytes, interaction: Interaction, nonce: bytes) -> str | None:
    """None: it is too long for an address; the client has to push it. nonce: NONCE_BYTES random bytes."""
    sealed = seal_text(key, _PURPOSE, {name: getattr(interaction, name) for name in _FIELDS}, nonce)
    return sealed if len(sealed) <= MOST_CHARS else None


def unseal_interaction(key: bytes, text: str) -> Interaction:
    """Raises BadSeal. Whether it is timely is the caller's question."""
    return Interaction(**unseal_text(key, _PURPOSE, text))
