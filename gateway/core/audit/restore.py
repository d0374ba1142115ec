"""Signed words about a restore: where the log went on, and what is lost; so that a verifier tells it from a cut tail.

A statement of typ `audit-restore+jws`. Its layout is in files of others: fields may be added. Who has the key of a node
can sign one to hide a cut, so a verifier always names it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.audit.chain import Head
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.statement import BadStatement, opened, signed

_TYPE: Final = "audit-restore+jws"
_HASH_BYTES: Final = 32
_ID_CHARS: Final = 12


@dataclass(frozen=True, slots=True)
class Restore:
    """kept: the last link of the backup. lost: the last that a checkpoint saw; kept again where none saw more.

    time: Unix seconds. backup: its name. id: of the record, which who verifies accepts.
    """

    kept: Head
    lost: Head
    time: int
    backup: str
    id: str = ""

    def explains(self, seen: Checkpoint) -> bool:
        """The checkpoint saw what was lost."""
        return self.kept.position < seen.position <= self.lost.position and seen.time <= self.time


def sign_restore(key: Ed25519PrivateKey, restore: Restore) -> str:
    claims = {
        "position": restore.kept.position,
        "head": restore.kept.hash.hex(),
        "lost_to": restore.lost.position,
        "lost_head": restore.lost.hash.hex(),
        "time": restore.time,
        "backup": restore.backup,
    }
    return signed(key, _TYPE, claims)


def read_restore(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Restore:
    """keys: by key_id. Raises BadStatement."""
    try:
        claims = json.loads(opened(text, _TYPE, keys))
        return Restore(
            kept=_head(claims["position"], claims["head"]),
            lost=_head(claims["lost_to"], claims["lost_head"]),
            time=int(claims["time"]),
            backup=str(claims["backup"]),
            id=restore_id(text),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadStatement("is signed, but has not the claims of a restore") from error


def restore_id(jws: str) -> str:
    """12 hexadecimal digits of SHA-256 over the statement."""
    return hashlib.sha256(jws.encode()).hexdigest()[:_ID_CHARS]


def _head(position: object, digest: str) -> Head:
    raw = bytes.fromhex(digest)
    if type(position) is not int or position < 0 or len(raw) != _HASH_BYTES:
        raise ValueError("is no link")
    return Head(position, raw)
