"""Keeps backups in a directory: NAME.dump, NAME.keys and NAME.json, the last of which says that the others are whole.

The keys lie apart, because who erases a person destroys a key, and a key file can be removed long before its dump.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.manifest import Manifest, read_manifest
from gateway.core.audit.statement import BadStatement
from gateway.core.errors import GatewayError
from gateway.stores.files.whole import give_to_owner

_TIME: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"bastion-(\d{8}T\d{6}Z)")
_UNFINISHED: Final = ".part"
_LOCK: Final = ".bastion-backup.lock"
_CHUNK: Final = 1 << 20
_FOR_OTHERS: Final = 0o077


class BackupUnusable(GatewayError):
    """A backup can't be made or read; the message names the file."""


@dataclass(frozen=True, slots=True)
class BackupFiles:
    """Of one backup. Each is written under another name, and moved when it is whole."""

    directory: Path
    name: str

    @classmethod
    def of(cls, place: Path) -> "BackupFiles":
        """place: DIR/NAME, also with the ending of one of the files."""
        name = place.name
        for ending in (".json", ".dump", ".keys"):
            name = name.removesuffix(ending)
        return cls(place.parent, name)

    @property
    def dump(self) -> Path:
        return self._file(".dump")

    @property
    def keys(self) -> Path:
        return self._file(".keys")

    @property
    def manifest(self) -> Path:
        return self._file(".json")

    def _file(self, ending: str) -> Path:
        return self.directory / f"{self.name}{ending}"


@dataclass(frozen=True, slots=True)
class BackupDirectory:
    """One backup at a time: who comes second is refused."""

    path: Path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Also removes what a run that was killed has left. Raises BackupUnusable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BackupUnusable(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in self.path.glob(f"bastion-*{_UNFINISHED}"):
                left.unlink()
            yield
        except BlockingIOError as error:
            raise BackupUnusable(f"{self.path}: another backup is being made there") from error
        finally:
            os.close(lock)

    def begin(self, made_at: int) -> BackupFiles:
        """The files of a new backup. made_at: Unix seconds. Raises BackupUnusable."""
        files = BackupFiles(self.path, datetime.fromtimestamp(made_at, UTC).strftime(f"bastion-{_TIME}"))
        if files.manifest.exists():
            raise BackupUnusable(f"{files.manifest}: there is a backup of this second already")
        return files

    def prune(self, now: int, keep_s: int) -> list[Path]:
        """Removes key files that are older, and names them: what they alone opened is gone. Raises OSError."""
        gone = [file for file in sorted(self.path.glob("bastion-*.keys")) if _made_at(file, now) + keep_s < now]
        for file in gone:
            file.unlink()
        return gone


@contextmanager
def unfinished(file: Path) -> Iterator[Path]:
    """Where file is written, for us only. At the end of the block it is on the disk, and has its name."""
    part = file.with_name(f"{file.name}{_UNFINISHED}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner(descriptor, file.parent)
        yield part
        os.fsync(descriptor)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    part.rename(file)


def digest_of(file: Path) -> str:
    """SHA-256. Raises BackupUnusable."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise BackupUnusable(f"{file}: {error.strerror}") from error
    return digest.hexdigest()


def write_manifest(files: BackupFiles, jws: str, manifest: Mapping[str, object]) -> None:
    """manifest: for people; jws says the same, and counts. Raises OSError."""
    with unfinished(files.manifest) as part:
        part.write_text(json.dumps({"backup": manifest, "jws": jws}, indent=2) + "\n")


def open_manifest(files: BackupFiles, keys: Mapping[str, Ed25519PublicKey]) -> Manifest:
    """keys: that may have signed it, by key_id. Raises BackupUnusable."""
    try:
        manifest = read_manifest(str(json.loads(files.manifest.read_bytes())["jws"]), keys)
    except OSError as error:
        raise BackupUnusable(f"{files.manifest}: {error.strerror}") from error
    except BadStatement as error:
        raise BackupUnusable(f"{files.manifest}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupUnusable(f"{files.manifest}: does not describe a backup") from error
    if manifest.name != files.name:
        raise BackupUnusable(f"{files.manifest}: describes {manifest.name}, another backup")
    return manifest


def check_digest(file: Path, expected: str) -> None:
    """Raises BackupUnusable."""
    if digest_of(file) != expected:
        raise BackupUnusable(f"{file}: is not the file that the backup describes: it was changed, or cut off")


@dataclass(frozen=True, slots=True)
class WrappedRow:
    """Of a key table, as JSON text."""

    table: str
    row: str


def key_line(row: WrappedRow) -> str:
    """A line of NAME.keys."""
    return json.dumps({"table": row.table, "row": row.row}) + "\n"


def read_keys(file: Path) -> Iterator[WrappedRow]:
    """Raises BackupUnusable."""
    try:
        if file.stat().st_mode & _FOR_OTHERS:
            raise BackupUnusable(f"{file}: others may read it; chmod 600 if nobody has read it")
        with file.open() as lines:
            for line in lines:
                found = json.loads(line)
                yield WrappedRow(str(found["table"]), str(found["row"]))
    except OSError as error:
        raise BackupUnusable(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupUnusable(f"{file}: is no file of keys") from error


def _made_at(file: Path, now: int) -> int:
    """By its name. A name that is none of ours is never old."""
    named = _NAME.fullmatch(file.stem)
    return int(datetime.strptime(named[1], _TIME).replace(tzinfo=UTC).timestamp()) if named else now
