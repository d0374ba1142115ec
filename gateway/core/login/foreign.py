"""Verifies password hashes of other systems, within bounds that keep one from holding up a thread.

Formats: argon2 as in its reference implementation, bcrypt as crypt(3) writes it, PBKDF2 and scrypt as passlib and
go-crypt (Authelia) write them. Nothing new is ever stored this way.
"""

import hashlib
import hmac
import re
from base64 import b64decode
from dataclasses import dataclass
from typing import Final

import bcrypt

_NUMBER: Final = r"([1-9][0-9]{0,8})"
_TEXT: Final = r"([A-Za-z0-9+/]{1,512})"
_ADAPTED: Final = r"([A-Za-z0-9./]{1,512})"
_ARGON2: Final = re.compile(rf"\$(argon2(?:id|i|d))\$v=19\$m={_NUMBER},t={_NUMBER},p={_NUMBER}\${_TEXT}\${_TEXT}")
_BCRYPT: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_PBKDF2: Final = re.compile(rf"\$pbkdf2(?:-(sha1|sha224|sha256|sha384|sha512))?\${_NUMBER}\${_ADAPTED}\${_ADAPTED}")
_SCRYPT: Final = re.compile(rf"\$scrypt\$ln={_NUMBER},r={_NUMBER},p={_NUMBER}\${_TEXT}\${_TEXT}")
_MEBI: Final = 1024 * 1024
_MOST_MEMORY: Final = 256 * _MEBI
_MOST_WORK: Final = 1024 * _MEBI  # bytes that are written, over all passes
_MOST_LANES: Final = 16
_MOST_ITERATIONS: Final = 2_000_000
_BCRYPT_COSTS: Final = range(4, 15)
_BCRYPT_BYTES: Final = 72  # of a password; bcrypt has never read more, and its library refuses more
_LEAST_SALT: Final = 8
_LEAST_HASH: Final = 16
_SALT_AND_HASH: Final = f"${'A' * 22}${'A' * 43}"
_ARGON2_DECOY: Final = "${scheme}$v=19$m={0},t={1},p={2}" + _SALT_AND_HASH
_PBKDF2_DECOY: Final = f"${{scheme}}${{0}}${'A' * 22}${'A' * 22}"
_DECOYS: Final = {
    "argon2id": _ARGON2_DECOY,
    "argon2i": _ARGON2_DECOY,
    "argon2d": _ARGON2_DECOY,
    "bcrypt": f"$2b${{0:0>2}}${'.' * 53}",
    "scrypt": "$scrypt$ln={0},r={1},p={2}" + _SALT_AND_HASH,
}
_NOT_VERIFIED: Final = {
    "$5$": "sha256crypt",
    "$6$": "sha512crypt",
    "$y$": "yescrypt",
    "$1$": "md5crypt",
    "$bcrypt-sha256$": "bcrypt over SHA-256",
}


@dataclass(frozen=True, slots=True, repr=False)
class ForeignHash:
    """text: as the other system has it. scheme, costs: what it is made by. repr is left out: it is a secret."""

    text: str
    scheme: str
    costs: tuple[int, ...]

    @property
    def kind(self) -> str:
        """Tells how long a comparison takes; decoy_of knows it."""
        return ",".join((self.scheme, *map(str, self.costs)))


def read_foreign(text: str) -> ForeignHash | str:
    """Total. A sentence where it can't be verified here, which doesn't repeat the hash."""
    if (found := _ARGON2.fullmatch(text)) is not None:
        scheme, memory, passes, lanes = found[1], int(found[2]) * 1024, int(found[3]), int(found[4])
        fits = lanes <= _MOST_LANES and _fits(memory, memory * passes) and memory >= lanes * 8192
        return _bounded(ForeignHash(text, scheme, (memory // 1024, passes, lanes)), found[5], found[6], fits=fits)
    if (found := _BCRYPT.fullmatch(text)) is not None:
        cost = int(found[1])
        return ForeignHash(text, "bcrypt", (cost,)) if cost in _BCRYPT_COSTS else _too_costly("bcrypt")
    if (found := _PBKDF2.fullmatch(text)) is not None:
        digest, iterations = found[1] or "sha1", int(found[2])
        one_block = len(found[4]) * 3 // 4 <= hashlib.new(digest).digest_size
        fits = iterations <= _MOST_ITERATIONS and one_block
        return _bounded(ForeignHash(text, f"pbkdf2-{digest}", (iterations,)), found[3], found[4], fits=fits)
    if (found := _SCRYPT.fullmatch(text)) is not None:
        exponent, block, lanes = int(found[1]), int(found[2]), int(found[3])
        memory = _scrypt_memory(exponent, block) if exponent < 32 else 2 * _MOST_MEMORY  # noqa: PLR2004 - far too much
        fits = lanes <= _MOST_LANES and _fits(memory, memory * lanes)
        return _bounded(ForeignHash(text, "scrypt", (exponent, block, lanes)), found[4], found[5], fits=fits)
    for prefix, name in _NOT_VERIFIED.items():
        if text.startswith(prefix):
            return f"Bastion verifies no {name}"
    return "it is no password hash that Bastion knows"


def matches(foreign: ForeignHash, password: str) -> bool:
    """Takes a thread for as long as the hash asks. The password is compared as it was typed, in no normal form."""
    typed = password.encode(errors="surrogatepass")
    if foreign.scheme.startswith("argon2"):
        return _argon2_matches(foreign, typed)
    if foreign.scheme == "bcrypt":
        return _bcrypt_matches(foreign, typed)
    *_, salt, expected = foreign.text.split("$")
    if foreign.scheme == "scrypt":
        exponent, block, lanes = foreign.costs
        wanted = _decoded(expected)
        most = _scrypt_memory(exponent, block + 1) + _MEBI
        made = hashlib.scrypt(
            typed, salt=_decoded(salt), n=1 << exponent, r=block, p=lanes, maxmem=most, dklen=len(wanted)
        )
        return hmac.compare_digest(made, wanted)
    wanted = _decoded(expected.replace(".", "+"))
    digest = foreign.scheme.removeprefix("pbkdf2-")
    made = hashlib.pbkdf2_hmac(digest, typed, _decoded(salt.replace(".", "+")), foreign.costs[0], len(wanted))
    return hmac.compare_digest(made, wanted)


def decoy_of(kind: str) -> ForeignHash | None:
    """Costs what a hash of that kind costs, and no password is known to match it. None: no kind of ForeignHash."""
    scheme, *costs = kind.split(",")
    template = _DECOYS.get(scheme, _PBKDF2_DECOY)
    try:
        found = read_foreign(template.format(*costs, scheme=scheme))
    except IndexError:
        return None
    return found if isinstance(found, ForeignHash) and found.kind == kind else None


def _argon2_matches(foreign: ForeignHash, typed: bytes) -> bool:
    from argon2 import low_level  # noqa: PLC0415 - nobody without imported people waits for it
    from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415 - likewise

    types = {"argon2id": low_level.Type.ID, "argon2i": low_level.Type.I, "argon2d": low_level.Type.D}
    try:
        return low_level.verify_secret(foreign.text.encode(), typed, types[foreign.scheme])
    except VerifyMismatchError:
        return False


def _bcrypt_matches(foreign: ForeignHash, typed: bytes) -> bool:
    try:
        return bcrypt.checkpw(typed[:_BCRYPT_BYTES], foreign.text.encode())
    except ValueError:  # a salt that bcrypt never made
        return False


def _bounded(foreign: ForeignHash, salt: str, hash_: str, *, fits: bool) -> ForeignHash | str:
    if not fits:
        return _too_costly(foreign.scheme)
    if len(salt) * 3 // 4 < _LEAST_SALT or len(hash_) * 3 // 4 < _LEAST_HASH or 1 in (len(salt) % 4, len(hash_) % 4):
        return f"its {foreign.scheme} is cut short"
    return foreign


def _too_costly(scheme: str) -> str:
    return f"its {scheme} costs more than Bastion computes for one password"


def _fits(memory: int, work: int) -> bool:
    return memory <= _MOST_MEMORY and work <= _MOST_WORK


def _scrypt_memory(exponent: int, block: int) -> int:
    """In bytes."""
    return 128 * block << exponent


def _decoded(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4))
