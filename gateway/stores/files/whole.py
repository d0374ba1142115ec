"""Writes files whole or not at all: a crash or a full disk leaves no half of one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Never over another. Raises OSError."""
    with fresh(path, content, mode) as made, suppress(FileExistsError):
        os.link(made, path)


def give_to_owner(descriptor: int, directory: Path) -> None:
    """What root makes by command belongs to the owner of the directory, or the service could not write there."""
    if os.geteuid() == 0:
        owner = directory.stat()
        with suppress(PermissionError):  # in a container that takes this power from root
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


@contextmanager
def fresh(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A file beside path that is on the disk, and gone after the block unless it was moved. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
            give_to_owner(descriptor, path.parent)
            file.flush()
            os.fsync(descriptor)
        yield made
    finally:
        made.unlink(missing_ok=True)
