"""Remembers compromised signing keys beside the checkpoints, so that a restored database can't bring one back (oauth.md
O9).
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE_NAME: Final = "compromised-signing-keys.jsonl"


def remember_revoked(directory: Path, kid: str, at: int) -> Path:
    """The file, in which it is on the disk. at: Unix seconds. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / FILE_NAME
    with file.open("ab") as lines:
        # A line that a crash cut off is ended first, or it would swallow this one.
        lines.write(b"\n" + json.dumps({"kid": kid, "compromised_at": at}).encode() + b"\n")
        lines.flush()
        os.fsync(lines.fileno())
    return file


def read_revoked(directory: Path) -> frozenset[str]:
    """Their kids; a line that is none is passed over. Raises OSError where a file is there and can't be read."""
    file = directory / FILE_NAME
    if not file.exists():
        return frozenset()
    found = set()
    for line in file.read_bytes().splitlines():
        with suppress(ValueError, KeyError, TypeError):
            found.add(str(json.loads(line)["kid"]))
    return frozenset(found)
