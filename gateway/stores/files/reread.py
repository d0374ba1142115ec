"""Reads a file again when it was replaced."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from gateway.core.errors import GatewayError
from gateway.stores.reasons import account

T = TypeVar("T")
_Stamp = tuple[int, int, int]


class FileUnusable(GatewayError):
    """The message says why, with the path."""


class Reread(Generic[T]):
    """What a file says now. One that is gone or broken leaves in force what was read before.

    read: raises FileUnusable. complain: hears why a file can't be used, once for each file that was put there.
    release: what was read and is no longer needed.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], T],
        complain: Callable[[str], None],
        release: Callable[[T], None] = lambda _content: None,
    ) -> None:
        self._path = path
        self._read = read
        self._complain = complain
        self._release = release
        self._stamp: _Stamp | None = None
        self._looked = False
        self._content: T | None = None

    @property
    def current(self) -> T | None:
        """None: nothing could be read so far. One stat(2) where the file is the same."""
        stamp = _stamp(self._path)
        if stamp == self._stamp and self._looked:
            return self._content
        self._stamp, self._looked = stamp, True
        try:
            content = self._read(self._path)
        except FileUnusable as error:
            self._complain(str(error))
            return self._content
        self.close()
        self._content = content
        return content

    def close(self) -> None:
        if self._content is not None:
            self._release(self._content)
            self._content = None


def unreadable(path: Path, error: OSError) -> FileUnusable:
    return FileUnusable(f"{path} can't be read by the account {account()}: {error.strerror}")


def _stamp(path: Path) -> _Stamp | None:
    """None: there is no such file, or nobody may look."""
    try:
        status = os.stat(path)  # noqa: PTH116 - Path.stat costs twice as much, at each login
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
