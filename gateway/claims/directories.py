"""Directories that belong to one server as long as it lives."""

import fcntl
import os
from pathlib import Path

from gateway.claims.holders import holder_of_lock


class Directories:
    """A lock on each, which ends with this process however it ends.

    The directory itself is locked and not a file in it: that works on a full disk and leaves nothing behind.
    """

    def __init__(self) -> None:
        self._locked: dict[Path, int] = {}

    def take(self, directory: Path) -> str:
        """Who has it already; "" means that it is ours now. Makes it where it is missing. Raises OSError."""
        path = directory.resolve()
        if path in self._locked:
            return ""
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            inode = os.fstat(opened).st_ino
            os.close(opened)
            return holder_of_lock(inode)
        except OSError:
            os.close(opened)
            raise
        self._locked[path] = opened
        return ""

    def disown(self) -> None:
        """In a child that was forked: the lock is the parent's alone, and ends with it."""
        for opened in self._locked.values():
            os.close(opened)
        self._locked.clear()
