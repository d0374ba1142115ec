"""Remembers how far a log shipper came, by position and by the hash of the link there.

After a restore, positions are given anew to other entries; the hash tells them apart.
"""

import json
from pathlib import Path

from gateway.core.audit.chain import GENESIS, Head
from gateway.core.errors import GatewayError
from gateway.stores.files.whole import fresh


class CursorUnusable(GatewayError):
    """A cursor can't be read or written; the message names its file."""


def read_cursor(file: Path) -> Head:
    """Before the first link where there is no file yet. Raises CursorUnusable."""
    if not file.exists():
        return Head(0, GENESIS)
    try:
        found = json.loads(file.read_bytes())
        return Head(int(found["position"]), bytes.fromhex(found["hash"]))
    except OSError as error:
        raise CursorUnusable(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CursorUnusable(f"{file}: is no cursor of `bastion audit tail`") from error


def write_cursor(file: Path, reached: Head) -> None:
    """Whole or not at all. Raises CursorUnusable."""
    text = json.dumps({"position": reached.position, "hash": reached.hash.hex()}) + "\n"
    try:
        with fresh(file, text.encode(), 0o600) as made:
            made.replace(file)
    except OSError as error:
        raise CursorUnusable(f"{file}: {error.strerror}") from error
