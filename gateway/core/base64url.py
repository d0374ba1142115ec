"""Owns how bytes are written in URLs, cookies and tokens: base64url without padding (RFC 4648 section 5)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The reverse of b64. Raises ValueError on anything else."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unb64_strict(text: str) -> bytes:
    """Accepts only the one text that b64 writes: no padding, foreign characters or unused bits. Raises ValueError.

    unb64 skips foreign characters, so several texts are the same bytes there.
    """
    raw = unb64(text)
    if b64(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
