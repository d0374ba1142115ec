"""A local file of logins that ended while Postgres did not answer, kept until Postgres has them (threats.md R13)."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EndedLogin:
    """login: 22 characters. at: Unix seconds."""

    login: str
    at: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Journal:
    """One JSON object a line; a line is on the disk before append returns. Workers of one node share the file.

    The lock is on a file beside it, because forgetting puts another file in its place.
    """

    path: Path

    def append(self, ended: EndedLogin) -> None:
        """Blocks for one fsync: it happens only while Postgres is down. Raises OSError, where the disk is full.

        A line that a crash or a full disk cut off is ended first, or it would swallow this one.
        """
        with self._locked(), self.path.open("ab", buffering=0) as file:
            self.path.chmod(0o600)
            _write_whole(file, b"\n" * self._cut_off() + _line(ended))

    def waiting(self) -> list[EndedLogin]:
        """What Postgres has not got yet, oldest first. A line cut off by a crash is left out. Raises OSError.

        Where there is no journal nothing is opened: a full disk would not take the lock's file.
        """
        if not self.path.exists():
            return []
        with self._locked():
            return self._entries()

    def forget(self, done: list[EndedLogin]) -> None:
        """Called after Postgres has committed them. Whole or not at all: ending what was kept twice is harmless.

        Raises OSError. Forgetting all takes no room: the disk may be full.
        """
        if not done:
            return
        with self._locked():
            kept = [entry for entry in self._entries() if entry not in done]
            if kept:
                self._replace(b"".join(map(_line, kept)))
            else:
                self.path.unlink(missing_ok=True)

    def _entries(self) -> list[EndedLogin]:
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [entry for line in lines if (entry := _entry(line)) is not None]

    def _replace(self, content: bytes) -> None:
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            with fresh.open("wb", buffering=0) as file:
                fresh.chmod(0o600)
                _write_whole(file, content)
            fresh.rename(self.path)
        finally:
            fresh.unlink(missing_ok=True)

    def _cut_off(self) -> bool:
        """Whether the last line has no end."""
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _write_whole(file: FileIO, content: bytes) -> None:
    """On the disk when it returns; a file system that is nearly full takes less than it is given."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
    os.fsync(file.fileno())


def _line(ended: EndedLogin) -> bytes:
    return json.dumps(asdict(ended)).encode() + b"\n"


def _entry(line: bytes) -> EndedLogin | None:
    """None: cut off, or not ours."""
    try:
        fields = json.loads(line)
        return EndedLogin(str(fields["login"]), int(fields["at"]), str(fields["request_id"]))
    except (ValueError, KeyError, TypeError):
        return None
