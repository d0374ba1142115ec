"""What a browser carries: `v1.<tag>.<login>.<secret>.<mac>`, for session cookies and hand-off codes alike;
their MACs are of different keys, so that neither passes for the other.

The layout can't change without a new version prefix: cookies in browsers have it. All parts are base64url without
padding. Without a right MAC a token is nobody's, and no store is asked.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.base64url import b64, unb64

LOGIN_BYTES: Final = 16
SECRET_BYTES: Final = 32
CREDENTIAL_BYTES: Final = 16
TOKEN_CHARS: Final = 103
_MAC_BYTES: Final = 12
_SHAPE: Final = re.compile(r"(v1\.([\w-]{16})\.([\w-]{22})\.([\w-]{43}))\.([\w-]{16})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose MAC was right. It names a login; it proves nothing until the store knows its credential."""

    text: str
    tag: str
    login: str
    secret: str

    @property
    def login_id(self) -> bytes:
        """The 16 bytes that Postgres knows the login by."""
        return unb64(self.login)


def tag_of(tag_key: bytes, user_id: UUID) -> str:
    """The Redis hash tag of a person: all that is theirs lies in one slot, and the tag doesn't tell who it is."""
    return b64(hmac.digest(tag_key, user_id.bytes, "sha256")[:12])


def mint(mac_key: bytes, tag: str, login_id: bytes, secret: bytes) -> Token:
    """secret: SECRET_BYTES bytes, random or derived."""
    assert len(secret) == SECRET_BYTES
    assert len(login_id) == LOGIN_BYTES
    login, secret_text = b64(login_id), b64(secret)
    text = f"v1.{tag}.{login}.{secret_text}"
    return Token(f"{text}.{_mac(mac_key, text)}", tag, login, secret_text)


def parse(mac_key: bytes, text: str) -> Token | None:
    """None: not a token of ours. Compared in constant time."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    body, tag, login, secret, mac = found.groups()
    if not hmac.compare_digest(_mac(mac_key, body), mac):
        return None
    return Token(text, tag, login, secret)


def child_token(keys_child: bytes, mac_key: bytes, code: Token, host: str, way_hash: bytes) -> Token:
    """The session of one host, made anew by whoever has code, way and key; nobody ever sends or stores it.

    way_hash: SHA-256 of the browser's way cookie (threats.md section 2, step 3).
    """
    material = b"child\0" + host.encode() + b"\0" + code.text.encode() + b"\0" + way_hash
    return mint(mac_key, code.tag, code.login_id, hmac.digest(keys_child, material, "sha256"))


def credential_of(host: str, token: Token) -> bytes:
    """What stores know a token by. The host is inside, so a token opens only the host that it was made for."""
    return hashlib.sha256(f"{host}\0{token.text}".encode()).digest()[:CREDENTIAL_BYTES]


def code_hash(code: Token) -> str:
    """The name of a hand-off code in Redis, 22 characters."""
    return b64(hashlib.sha256(code.text.encode()).digest()[:16])


def _mac(key: bytes, text: str) -> str:
    return b64(hmac.digest(key, text.encode(), "sha256")[:_MAC_BYTES])
