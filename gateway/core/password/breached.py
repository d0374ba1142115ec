"""What is asked of a corpus of breached passwords: SHA-1 digests, as all corpora have them."""

import hashlib
from typing import Final, Literal

from gateway.core.password.rules import normal

BreachVerdict = Literal["clear", "found", "not_checked"]
PREFIX_DIGITS: Final = 5  # of a range; the API gets no more
_SUFFIX_DIGITS: Final = 35
_KEPT_DIGITS: Final = 18  # with the prefix 92 bits: no two passwords of a corpus share them


def breach_digest(password: str) -> bytes:
    """20 bytes. Of the normal form, which is what an attacker who tries a corpus gets in with."""
    return hashlib.sha1(normal(password).encode(errors="surrogatepass"), usedforsecurity=False).digest()


def range_of(digest: bytes) -> str:
    """The five hex digits that the API is asked for."""
    return digest.hex()[:PREFIX_DIGITS].upper()


def packed_range(body: bytes) -> bytes:
    """What is remembered of a range: nine bytes of each suffix, without padding. Raises ValueError for another text."""
    kept = []
    for line in body.split():
        suffix, colon, count = line.partition(b":")
        if len(suffix) != _SUFFIX_DIGITS or not colon or not count.isdigit():
            raise ValueError("not a range of breached passwords")
        if int(count):  # 0: padding, which makes all answers as long
            kept.append(bytes.fromhex(suffix[:_KEPT_DIGITS].decode("ascii")))
    return b"".join(kept)


def in_range(packed: bytes, digest: bytes) -> bool:
    """Whether the range has this digest."""
    size = _KEPT_DIGITS // 2
    wanted = bytes.fromhex(digest.hex()[PREFIX_DIGITS : PREFIX_DIGITS + _KEPT_DIGITS])
    return any(packed[at : at + size] == wanted for at in range(0, len(packed), size))
