"""Seals what is personal under a person's own data key, bound to the place where it lies.

Fernet gives secrecy and integrity; the place in front of the plaintext makes a ciphertext that was moved to another
column or another person worthless (threats.md D5). The layout is in stored rows: it can't change.
"""

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from gateway.core.errors import GatewayError

DATA_KEY_BYTES: Final = 32
_TIME_END: Final = 9  # after one byte of version; Fernet's layout is public
_TIME_CHARS: Final = 12
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999
_MASTER_ID_CHARS: Final = 8
NOBODY: Final = UUID(int=0)  # no person has this id: decoys do


class BrokenSeal(GatewayError):
    """A ciphertext was not made with this key for this place: unknown, never "empty"."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ciphertext lies, and whose it is."""

    table: str
    column: str
    user_id: UUID

    @property
    def prefix(self) -> bytes:
        """In front of every plaintext; the NUL bytes keep one place from being the beginning of another."""
        return f"{self.table}\0{self.column}\0{self.user_id}\0".encode()


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    """One person's key, unwrapped. repr is left out so that no key reaches a log."""

    raw: bytes

    def seal(self, place: Place, values: Mapping[str, str]) -> bytes:
        """A Fernet token."""
        text = json.dumps(dict(values), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return self._fernet().encrypt(place.prefix + text.encode())

    def unseal(self, place: Place, sealed: bytes) -> dict[str, str]:
        """Raises BrokenSeal."""
        values = json.loads(self.unseal_text(place, sealed))
        return {str(name): str(value) for name, value in values.items()}

    def seal_text(self, place: Place, text: str, *, at: int) -> bytes:
        """A Fernet token that bears this time in clear (sealed_at): Unix seconds."""
        return self._fernet().encrypt_at_time(place.prefix + text.encode(), at)

    def unseal_text(self, place: Place, sealed: bytes) -> str:
        """Raises BrokenSeal."""
        try:
            plain = self._fernet().decrypt(sealed)
        except InvalidToken as error:
            raise BrokenSeal(f"{place.table}.{place.column} was not sealed with its person's key") from error
        if not plain.startswith(place.prefix):
            raise BrokenSeal(f"{place.table}.{place.column} was sealed for another place")
        return plain[len(place.prefix) :].decode()

    def _fernet(self) -> Fernet:
        return Fernet(urlsafe_b64encode(self.raw))


def sealed_at(token: bytes) -> int:
    """The time that a token bears, which only its key can confirm. Raises BrokenSeal."""
    try:
        head = urlsafe_b64decode(token[:_TIME_CHARS])
    except binascii.Error as error:
        raise BrokenSeal("this is no Fernet token") from error
    at = int.from_bytes(head[1:], "big")
    if len(head) != _TIME_END or not 0 <= at <= _LAST_SECOND:
        raise BrokenSeal("this is no Fernet token of ours")
    return at


def master_id(key: bytes) -> str:
    """The name of a master key in the database, so it can't change."""
    return hashlib.sha256(key).hexdigest()[:_MASTER_ID_CHARS]


@dataclass(frozen=True, slots=True, repr=False)
class Wrapped:
    """How a key or another secret is stored, and the id of the master key that opens it."""

    token: bytes
    master_id: str


class MasterKeys:
    """Wraps data keys and other secrets under one of them. Each may unwrap: so they are rotated by wrapping again."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """keys: 32 bytes each, at least one."""
        assert keys
        self._by_id = {master_id(key): Fernet(urlsafe_b64encode(key)) for key in keys}
        self._fernet = MultiFernet(list(self._by_id.values()))

    @property
    def ids(self) -> tuple[str, ...]:
        """In the order of the configuration."""
        return tuple(self._by_id)

    def wrap(self, user_id: UUID, key: DataKey, by: str) -> Wrapped:
        """Bound to the person: a wrapped key that was moved to another row opens nothing (threats.md D5).

        by: the id of one of them.
        """
        return self.wrap_secret(user_id.bytes, key.raw, by)

    def unwrap(self, user_id: UUID, wrapped: bytes) -> DataKey:
        """Raises BrokenSeal."""
        return DataKey(self.unwrap_secret(user_id.bytes, wrapped))

    def wrap_secret(self, place: bytes, secret: bytes, by: str) -> Wrapped:
        """place: where it lies. No place begins with another one's bytes. by: the id of one of them."""
        return Wrapped(self._by_id[by].encrypt(place + secret), by)

    def rewrap(self, token: bytes, by: str) -> Wrapped:
        """The same secret in the same place under another key. Raises BrokenSeal."""
        try:
            return Wrapped(MultiFernet([self._by_id[by], *self._by_id.values()]).rotate(token), by)
        except InvalidToken as error:
            raise BrokenSeal("a key was not wrapped with any of this node's master keys") from error

    def unwrap_secret(self, place: bytes, wrapped: bytes) -> bytes:
        """Raises BrokenSeal."""
        try:
            plain = self._fernet.decrypt(wrapped)
        except InvalidToken as error:
            raise BrokenSeal("a key was not wrapped with any of this node's master keys") from error
        if not plain.startswith(place):
            raise BrokenSeal("a key was wrapped for another place")
        return plain[len(place) :]
