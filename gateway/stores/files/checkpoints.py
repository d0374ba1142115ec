"""Keeps signed checkpoints of the audit log in a file that only grows, and the key that signs them.

`checkpoints.jsonl` has one `{"jws": ...}` a line. Copies of it on other hosts are what counts: who owns this machine
can sign anew what they like.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway.core.audit.chain import Head
from gateway.core.audit.checkpoint import BadCheckpoint, Checkpoint, is_due, read, sign
from gateway.core.audit.statement import key_id
from gateway.core.errors import GatewayError
from gateway.stores.files.whole import fresh, write_new

FILE_NAME: Final = "checkpoints.jsonl"
_KEY_NAME: Final = "audit-checkpoint.pem"
_PUBLIC_KEYS: Final = "audit-checkpoint-*.pub.pem"
_TAIL_BYTES: Final = 4096  # more than the longest line
_FOR_OTHERS: Final = 0o077


class CheckpointsUnusable(GatewayError):
    """A file of checkpoints or of their key can't be used; the message names it."""


@dataclass(frozen=True, slots=True)
class SignedLine:
    """A line of checkpoints.jsonl. key_id: of the node's own key. position: of the checkpoint."""

    text: str
    key_id: str
    position: int


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Workers of a node share the files: whoever comes second waits, and finds nothing due."""

    file: Path
    key: Ed25519PrivateKey

    @classmethod
    def open(cls, directory: Path, data_dir: Path) -> "Checkpoints":
        """Makes directory and key where they are missing. Raises CheckpointsUnusable or OSError."""
        return cls(directory / FILE_NAME, signing_key(directory, data_dir))

    def newest(self) -> SignedLine | None:
        """The last line of our key, None where there is none. Raises OSError."""
        with self._locked() as file:
            line, last = self._last(file)
        return None if last is None else self._signed(line, last)

    def last(self) -> Checkpoint | None:
        """What the newest line of our key says. Raises OSError."""
        with self._locked() as file:
            return self._last(file)[1]

    def write_if_due(self, head: Head, now: int) -> SignedLine | None:
        """The line, which is on the disk by then; None: not due. Blocks for one fsync. Raises OSError."""
        with self._locked() as file:
            _, last = self._last(file)
            if not is_due(last, head.position, head.hash, now):
                return None
            checkpoint = Checkpoint(head.position, head.position, now, head.hash)
            jws = sign(self.key, checkpoint)
            os.lseek(file, 0, os.SEEK_END)
            line = json.dumps({"jws": jws}).encode() + b"\n"
            if os.write(file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.file))
            os.fsync(file)
        return self._signed(line.decode(), checkpoint)

    def _signed(self, line: str, checkpoint: Checkpoint) -> SignedLine:
        return SignedLine(line, key_id(self.key.public_key()), checkpoint.position)

    def _last(self, file: int) -> tuple[str, Checkpoint | None]:
        """The line and what it says. None: there is none, or the last is not of our key; then a new one is due.

        Takes away a line cut by a crash.
        A line that does end is never touched, whatever it says.
        """
        size = os.lseek(file, 0, os.SEEK_END)
        start = max(0, size - _TAIL_BYTES)
        tail = os.pread(file, _TAIL_BYTES, start)
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) != len(tail) and (whole or start == 0):
            os.ftruncate(file, start + len(whole))
        public = self.key.public_key()
        line = (whole.splitlines(keepends=True) or [b""])[-1]
        try:
            return line.decode(errors="replace"), _parsed(line, {key_id(public): public})
        except BadCheckpoint:
            return "", None

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def signing_key(directory: Path, data_dir: Path) -> Ed25519PrivateKey:
    """The node's own; its public half lies in directory from then on. Makes both, and directory, where they are
    missing. Raises CheckpointsUnusable or OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    key = _own_key(data_dir / "keys")
    public = key.public_key()
    beside = directory / _PUBLIC_KEYS.replace("*", key_id(public))
    if not beside.exists():
        write_new(beside, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
    return key


def read_checkpoints(file: Path, keys: dict[str, Ed25519PublicKey]) -> list[Checkpoint]:
    """In the order of the file. A last line without an end is left out: a crash cut it off, or it is being written.

    Raises CheckpointsUnusable for anything else that is no checkpoint of these keys.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise CheckpointsUnusable(f"{file}: {error.strerror}") from error
    found = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            break
        try:
            found.append(_parsed(line, keys))
        except BadCheckpoint as error:
            raise CheckpointsUnusable(f"{file}:{number}: the checkpoint {error}") from error
    return found


def newest_time(directory: Path) -> int:
    """Of the last checkpoint in it that a key beside it has signed, in Unix seconds; 0: none that can be read."""
    try:
        keys = read_public_keys(public_key_files(directory))
        with (directory / FILE_NAME).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
        return _parsed(lines[-1], keys).time if lines else 0
    except (OSError, CheckpointsUnusable, BadCheckpoint):
        return 0


def remember(seen: Path, sources: list[Path], newest: Checkpoint, keys: dict[str, Ed25519PublicKey]) -> None:
    """seen then holds the line of the sources that says this, and nothing else. Raises OSError, and leaves it so."""
    lines = [line for source in sources for line in source.read_bytes().splitlines(keepends=True)]
    line = next(one for one in reversed(lines) if one.endswith(b"\n") and _parsed(one, keys) == newest)
    with fresh(seen, line, 0o644) as made:
        made.replace(seen)


def files_below(place: Path) -> list[Path]:
    """place itself; of a directory the files of checkpoints in it and below, one of each node."""
    return sorted(place.rglob(f"*{FILE_NAME}")) if place.is_dir() else [place]


def read_public_keys(files: list[Path]) -> dict[str, Ed25519PublicKey]:
    """By key_id. Raises CheckpointsUnusable."""
    keys = {}
    for file in files:
        try:
            key = load_pem_public_key(file.read_bytes())
        except OSError as error:
            raise CheckpointsUnusable(f"{file}: {error.strerror}") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise CheckpointsUnusable(f"{file}: is no public key in PEM form") from error
        if not isinstance(key, Ed25519PublicKey):
            raise CheckpointsUnusable(f"{file}: is no Ed25519 key")
        keys[key_id(key)] = key
    return keys


def public_key_files(directory: Path) -> list[Path]:
    """The keys that lie beside the checkpoints, or below: one of each node that has written there."""
    return sorted(directory.rglob(_PUBLIC_KEYS))


def _parsed(line: bytes, keys: dict[str, Ed25519PublicKey]) -> Checkpoint:
    try:
        jws = json.loads(line)["jws"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint("is no JSON object with a jws") from error
    if not isinstance(jws, str):
        raise BadCheckpoint("is no JSON object with a jws")
    return read(jws, keys)


def _own_key(directory: Path) -> Ed25519PrivateKey:
    """Made once; of two workers that make it at once, one wins."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / _KEY_NAME
    if not file.exists():
        made = Ed25519PrivateKey.generate()
        write_new(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    if file.stat().st_mode & _FOR_OTHERS:
        raise CheckpointsUnusable(f"{file}: others may read it; make a new one, or chmod 600 if nobody has read it")
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CheckpointsUnusable(f"{file}: is no private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise CheckpointsUnusable(f"{file}: is no Ed25519 key")
    return key
