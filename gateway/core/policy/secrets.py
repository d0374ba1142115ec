"""Owns where the secrets of clients are: policy names the place, and somebody else reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from gateway.core.errors import GatewayError

_LEAST_CHARACTERS: Final = 32


@dataclass(frozen=True, slots=True)
class SecretSource:
    """name: a path, or an environment variable."""

    kind: Literal["file", "env"]
    name: str


class SecretUnusable(GatewayError):
    """Says what is wrong and what was expected, never the secret."""


# Its SHA-256; None: nobody looked, so nothing matches it. Raises SecretUnusable.
SecretReader = Callable[[SecretSource], bytes | None]


def secret_hash(text: str) -> bytes:
    """text: as it was found. Raises SecretUnusable."""
    secret = text.removesuffix("\n").removesuffix("\r")
    if len(secret) < _LEAST_CHARACTERS:
        raise SecretUnusable(f"has {len(secret)} characters; expected at least {_LEAST_CHARACTERS}; write a random one")
    if not (secret.isascii() and secret.isprintable()):
        raise SecretUnusable("has other characters than visible ones of ASCII; expected a random text")
    return sha256(secret.encode()).digest()


def not_read(_source: SecretSource) -> None:
    """For whoever doesn't authenticate clients."""
