"""Remembers restores beside the checkpoints: `restores.jsonl` has one `{"jws": ...}` a line."""

import json
import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.restore import Restore, read_restore
from gateway.core.audit.statement import BadStatement
from gateway.stores.files.checkpoints import CheckpointsUnusable
from gateway.stores.files.whole import give_to_owner

RESTORES: Final = "restores.jsonl"


def remember_restore(directory: Path, jws: str) -> None:
    """It is on the disk when this returns. A line that a crash cut off is ended first. Raises OSError."""
    file = os.open(directory / RESTORES, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        give_to_owner(file, directory)
        size = os.fstat(file).st_size
        end = b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""
        os.write(file, end + json.dumps({"jws": jws}).encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def read_restores(place: Path, keys: dict[str, Ed25519PublicKey]) -> list[Restore]:
    """Those in a directory and below. Raises CheckpointsUnusable for a line that none of these keys has signed."""
    found = []
    for file in sorted(place.rglob(f"*{RESTORES}")):
        for number, line in enumerate(file.read_bytes().splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break
            try:
                found.append(read_restore(str(json.loads(line)["jws"]), keys))
            except BadStatement as error:
                raise CheckpointsUnusable(f"{file}:{number}: the restore {error}") from error
            except (ValueError, KeyError, TypeError) as error:
                raise CheckpointsUnusable(f"{file}:{number}: is no record of a restore") from error
    return found
