"""Signed words about how long the chain was and what it ended in; outside the database they show a tail cut off.

A checkpoint is a compact JWS (RFC 7515) with Ed25519 (RFC 8037), typ `audit-checkpoint+jws` and a key of its own, so
that it passes for no other token (threats.md K4). Its layout is in files of others: it can't change.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.audit.statement import BadStatement, opened, signed
from gateway.core.errors import GatewayError

EVERY_S: Final = 60
EVERY_ENTRIES: Final = 1_000
_TYPE: Final = "audit-checkpoint+jws"
_HASH_BYTES: Final = 32


class BadCheckpoint(GatewayError):
    """Not a checkpoint that one of the given keys has signed; the message says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """head: hash of the link at position. count: entries in the chain up to there. time: Unix seconds."""

    position: int
    count: int
    time: int
    head: bytes


def is_due(last: Checkpoint | None, position: int, head: bytes, now: int) -> bool:
    """Whether this head is to be signed. A clock that was set back must not stop checkpoints."""
    if position == 0:
        return False
    if last is None:
        return True
    waited = not 0 <= now - last.time < EVERY_S
    return head != last.head and (waited or abs(position - last.position) >= EVERY_ENTRIES)


def sign(key: Ed25519PrivateKey, checkpoint: Checkpoint) -> str:
    """The same text for the same checkpoint."""
    claims = {
        "position": checkpoint.position,
        "count": checkpoint.count,
        "time": checkpoint.time,
        "head": checkpoint.head.hex(),
    }
    return signed(key, _TYPE, claims)


def read(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Checkpoint:
    """keys: by key_id. Raises BadCheckpoint."""
    try:
        return _checkpoint(opened(text, _TYPE, keys))
    except BadStatement as error:
        raise BadCheckpoint(str(error)) from error


def _checkpoint(payload: bytes) -> Checkpoint:
    try:
        claims = json.loads(payload)
        position, count, time = claims["position"], claims["count"], claims["time"]
        head = bytes.fromhex(claims["head"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint("is signed, but has not the claims of a checkpoint") from error
    if any(type(number) is not int or number < 0 for number in (position, count, time)) or len(head) != _HASH_BYTES:
        raise BadCheckpoint("is signed, but has not the claims of a checkpoint")
    return Checkpoint(position, count, time, head)
