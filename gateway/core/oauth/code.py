"""Owns the authorization code: how it is written, for how long it is good, and what it stands for.

A code on the wire is 43 characters of base64url, 32 random bytes. Postgres knows its SHA-256.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gateway.core.assurance.model import Assurance, bits_of
from gateway.core.base64url import b64

CODE_BYTES: Final = 32
CODE_S: Final = 60
_SHAPE: Final = re.compile(r"[\w-]{43}", re.ASCII)
_LISTS: Final = ("scopes", "amr")


@dataclass(frozen=True, slots=True)
class CodeContent:
    """What the tokens of a code will be made of; it lies in Postgres under the person's key.

    code_challenge "" only where the client may go without PKCE. jkt: thumbprint of the key that the code is bound to,
    "" without one. authenticated_at, mfa_at: of the login, Unix seconds. offline: the grant outlives the login.
    """

    redirect_uri: str
    scopes: tuple[str, ...]
    resource: str
    code_challenge: str
    nonce: str
    jkt: str
    claims: Mapping[str, Any] = field(hash=False)
    authenticated_at: int
    mfa_at: int
    amr: tuple[str, ...]
    offline: bool

    @property
    def assurance(self) -> Assurance:
        return Assurance(self.authenticated_at, self.mfa_at, bits_of(self.amr))

    def written(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> "CodeContent":
        """Of what written() made."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values | {name: tuple(values[name]) for name in _LISTS})


def code_text(raw: bytes) -> str:
    """raw: CODE_BYTES random bytes."""
    assert len(raw) == CODE_BYTES
    return b64(raw)


def authorization_code_hash(text: str) -> bytes | None:
    """What Postgres knows a code by; None: no text of ours, so nothing is asked."""
    return hashlib.sha256(text.encode()).digest() if _SHAPE.fullmatch(text) else None
