"""The sealed copy of a person that lies in Redis at `{tag}u`: nobody who can only write there makes an identity."""

import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.errors import GatewayError

_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
_USER_BYTES: Final = 16
_NUMBER_BYTES: Final = 8
_HEAD_BYTES: Final = 1 + _USER_BYTES + _NUMBER_BYTES


class ForgedPerson(GatewayError):
    """The record was not sealed by us for this tag: unknown, so nobody passes."""


@dataclass(frozen=True, slots=True)
class Person:
    """version: grows with every change of the row in Postgres."""

    user_id: UUID
    username: str
    name: str
    email: str
    groups: tuple[str, ...]
    version: int


def seal(key: bytes, tag: str, person: Person, nonce: bytes) -> bytes:
    """version byte | user id | version | nonce | AES-256-GCM, AAD = tag and all that stands before the nonce."""
    assert len(nonce) == _NONCE_BYTES
    head = _VERSION + person.user_id.bytes + person.version.to_bytes(_NUMBER_BYTES, "big")
    body = {"u": person.username, "n": person.name, "e": person.email, "g": person.groups}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return head + nonce + AESGCM(key).encrypt(nonce, text, tag.encode() + head)


def unseal(key: bytes, tag: str, sealed: bytes) -> Person:
    """Raises ForgedPerson."""
    head, nonce = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
    if len(nonce) != _NONCE_BYTES or head[:1] != _VERSION:
        raise ForgedPerson("a person record has an unknown form")
    try:
        text = AESGCM(key).decrypt(nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], tag.encode() + head)
    except InvalidTag as error:
        raise ForgedPerson("a person record was not sealed with this node's key") from error
    body = json.loads(text)
    user_id = UUID(bytes=head[1 : 1 + _USER_BYTES])
    version = int.from_bytes(head[1 + _USER_BYTES :], "big")
    return Person(user_id, body["u"], body["n"], body["e"], tuple(body["g"]), version)
