"""The ledger of erasures: a file that only grows, outside of the database, so that no restore brings anybody back.

`erasures.jsonl` has one `{"jws": ...}` a line, typ `erasure-ledger+jws`. Each line has a number and the digest of the
line before, so a line that was taken out or put in is found. The layout is in files of others: it can't change.
"""

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.audit.statement import BadStatement, opened, signed
from gateway.core.errors import GatewayError
from gateway.stores.files.checkpoints import public_key_files, read_public_keys, signing_key
from gateway.stores.files.whole import give_to_owner

FILE_NAME: Final = "erasures.jsonl"
_TYPE: Final = "erasure-ledger+jws"
_BEFORE_ALL: Final = "0" * 64


class LedgerUnusable(GatewayError):
    """The ledger is not as it was written; the message names the line."""


@dataclass(frozen=True, slots=True)
class Erased:
    """Whom, and when, in Unix seconds."""

    user_id: UUID
    at: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """Workers and commands of a node share the file: they write one after the other."""

    file: Path
    key: Ed25519PrivateKey

    @classmethod
    def open(cls, directory: Path, data_dir: Path) -> "Ledger":
        """directory: where the checkpoints are. Raises CheckpointsUnusable or OSError."""
        return cls(directory / FILE_NAME, signing_key(directory, data_dir))

    def add(self, erased: Sequence[Erased]) -> None:
        """Those that it has not yet; they are on the disk when it returns. Blocks. Raises LedgerUnusable or OSError."""
        with self._locked() as file:
            text = _whole(file)
            has = {one.user_id for one in _read(text, self._keys(), self.file)}
            number, previous = _end(text)
            lines = []
            for one in erased:
                if one.user_id not in has:
                    number += 1
                    lines.append(self._line(number, previous, one))
                    previous = _digest(lines[-1])
                    has.add(one.user_id)
            _append(file, b"".join(lines), self.file)

    def _keys(self) -> dict[str, Ed25519PublicKey]:
        return read_public_keys(public_key_files(self.file.parent))

    def _line(self, number: int, previous: str, one: Erased) -> bytes:
        claims = {"number": number, "previous": previous, "user": str(one.user_id), "time": one.at}
        return json.dumps({"jws": signed(self.key, _TYPE, claims)}).encode() + b"\n"

    @contextmanager
    def _locked(self) -> Iterator[int]:
        is_new = not self.file.exists()
        file = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if is_new:
                give_to_owner(file, self.file.parent)
            yield file
        finally:
            os.close(file)


def read_ledger(file: Path, keys: Mapping[str, Ed25519PublicKey]) -> list[Erased]:
    """The oldest first. keys: by key_id. A last line that a crash cut off is left out.

    Raises LedgerUnusable for a line that is not of these keys, or not in its place.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise LedgerUnusable(f"{file}: {error.strerror}") from error
    return _read(text[: text.rfind(b"\n") + 1], keys, file)


def _read(text: bytes, keys: Mapping[str, Ed25519PublicKey], file: Path) -> list[Erased]:
    found, previous = [], _BEFORE_ALL
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        try:
            claims = json.loads(opened(json.loads(line)["jws"], _TYPE, keys))
            in_place = (claims["number"], claims["previous"]) == (number, previous)
            one = Erased(UUID(claims["user"]), int(claims["time"]))
        except BadStatement as error:
            raise LedgerUnusable(f"{file}:{number}: the line {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LedgerUnusable(f"{file}:{number}: is no line of a ledger") from error
        if not in_place:
            raise LedgerUnusable(f"{file}:{number}: a line before it is missing, or was changed")
        found.append(one)
        previous = _digest(line)
    return found


def _end(text: bytes) -> tuple[int, str]:
    """Of what _read has read: the number of lines, and the digest of the last."""
    lines = text.splitlines(keepends=True)
    return len(lines), _digest(lines[-1]) if lines else _BEFORE_ALL


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _whole(file: int) -> bytes:
    """Takes away a line that a crash cut off."""
    size = os.fstat(file).st_size
    text = os.pread(file, size, 0)
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) != size:
        os.ftruncate(file, len(whole))
    return whole


def _append(file: int, lines: bytes, path: Path) -> None:
    os.lseek(file, 0, os.SEEK_END)
    if os.write(file, lines) != len(lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    os.fsync(file)
