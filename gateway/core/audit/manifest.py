"""What a backup says of itself, signed with the checkpoint key of the node that made it.

A manifest is a statement of typ `bastion-backup+jws`. Its layout is in files of others: fields may be added.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.audit.statement import BadStatement, opened, signed

_TYPE: Final = "bastion-backup+jws"


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """As schema_migrations has it."""

    number: int
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of one moment. made_at: Unix seconds. position, head: of the last link of the audit log; head in hexadecimal.

    erasures: how many people were erased by then. dump, keys: SHA-256 of the files. key_checks: of which secrets the
    database is, as marks by name. postgres: the major version of the server.
    """

    name: str
    made_at: int
    position: int
    head: str
    erasures: int
    migrations: tuple[AppliedMigration, ...]
    key_checks: Mapping[str, str]
    postgres: int
    dump: str
    keys: str


def sign_manifest(key: Ed25519PrivateKey, manifest: Manifest) -> str:
    return signed(key, _TYPE, asdict(manifest))


def read_manifest(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Manifest:
    """keys: by key_id. Raises BadStatement."""
    try:
        claims = json.loads(opened(text, _TYPE, keys))
        return Manifest(
            name=str(claims["name"]),
            made_at=int(claims["made_at"]),
            position=int(claims["position"]),
            head=bytes.fromhex(claims["head"]).hex(),
            erasures=int(claims["erasures"]),
            migrations=tuple(AppliedMigration(**one) for one in claims["migrations"]),
            key_checks={str(name): bytes.fromhex(mark).hex() for name, mark in claims["key_checks"].items()},
            postgres=int(claims["postgres"]),
            dump=str(claims["dump"]),
            keys=str(claims["keys"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadStatement("is signed, but does not describe a backup") from error
