"""A local file of logins that ended while Postgres did not answer, kept until Postgres has them (threats.md R13)."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EndedLogin:
    """login: 22 characters. at: Unix seconds."""

    login: str
    at: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Journal:
    """One JSON object a line; a line is on the disk before append returns. Workers of one node share the file."""

    path: Path

    def append(self, ended: EndedLogin) -> None:
        """Blocks for one fsync: it happens only while Postgres is down.

        A line that a crash cut off is ended first, or it would swallow this one.
        """
        with self._locked() as file:
            size = os.lseek(file, 0, os.SEEK_END)
            cut_off = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" * cut_off + _line(ended))
            os.fsync(file)

    def waiting(self) -> list[EndedLogin]:
        """What Postgres has not got yet, oldest first. A line cut off by a crash is left out."""
        with self._locked() as file:
            return list(_entries(file))

    def forget(self, done: list[EndedLogin]) -> None:
        """Called after Postgres has committed them. A crash in between leaves them here: ending twice is harmless."""
        with self._locked() as file:
            kept = [entry for entry in _entries(file) if entry not in done]
            os.lseek(file, 0, os.SEEK_SET)
            os.ftruncate(file, 0)
            os.write(file, b"".join(map(_line, kept)))
            os.fsync(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _line(ended: EndedLogin) -> bytes:
    return json.dumps(asdict(ended)).encode() + b"\n"


def _entries(file: int) -> Iterator[EndedLogin]:
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(os.dup(file), "rb") as lines:
        for line in lines:
            try:
                fields = json.loads(line)
                yield EndedLogin(str(fields["login"]), int(fields["at"]), str(fields["request_id"]))
            except (ValueError, KeyError, TypeError):
                continue
