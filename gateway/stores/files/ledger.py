"""The ledger: who was erased and what was taken away, outside of the database, so that no restore brings it back.

`erasures.jsonl` has one `{"jws": ...}` a line, typ `erasure-ledger+jws`. Each line has a number and the digest of the
line before, so a line that was taken out or put in is found. The layout is in files of others: fields may be added.

Erasures stay for ever. What was taken away is forgotten when no backup of before can be opened any more; then the file
is written anew, numbered and signed again.
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
from typing import Final, TypeAlias
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.audit.statement import BadStatement, opened, signed
from gateway.core.audit.taken import Loss, TakenAway
from gateway.core.errors import GatewayError
from gateway.stores.files.checkpoints import public_key_files, read_public_keys, signing_key
from gateway.stores.files.whole import fresh, give_to_owner

FILE_NAME: Final = "erasures.jsonl"
_TYPE: Final = "erasure-ledger+jws"
_BEFORE_ALL: Final = "0" * 64
_MODE: Final = 0o644
_LEAST_FORGOTTEN: Final = 100  # so that the file is not written anew for each line


class LedgerUnusable(GatewayError):
    """The ledger is not as it was written; the message names the line."""


@dataclass(frozen=True, slots=True)
class Erased:
    """Whom, and when, in Unix seconds."""

    user_id: UUID
    at: int


LedgerLine: TypeAlias = Erased | TakenAway


@dataclass(frozen=True, slots=True)
class Ledger:
    """Workers and commands of a node share the file: they write one after the other."""

    file: Path
    key: Ed25519PrivateKey

    @classmethod
    def open(cls, directory: Path, data_dir: Path) -> "Ledger":
        """directory: where the checkpoints are. Raises CheckpointsUnusable or OSError."""
        return cls(directory / FILE_NAME, signing_key(directory, data_dir))

    def add(self, lines: Sequence[LedgerLine], forget_before: int = 0) -> None:
        """Those that it has not yet; they are on the disk when it returns. forget_before: what was taken away before
        this Unix second. Blocks. Raises LedgerUnusable or OSError.
        """
        with self._locked() as file:
            text = _whole(file)
            found = _read(text, self._keys(), self.file)
            self._append(file, text, found, lines)
        kept = [one for one in [*found, *lines] if isinstance(one, Erased) or one.at >= forget_before]
        if len(found) + len(lines) - len(kept) >= max(_LEAST_FORGOTTEN, len(kept)):
            self._forget(forget_before)

    def _append(self, file: int, text: bytes, found: Sequence[LedgerLine], lines: Sequence[LedgerLine]) -> None:
        has = {_same(one) for one in found}
        new = [one for one in dict.fromkeys(lines) if _same(one) not in has]
        _append(file, self._written(new, *_end(text)), self.file)

    def _forget(self, before: int) -> None:
        """Whoever waits for the file that was there finds that it is another now."""
        with self._locked() as file:
            found = _read(_whole(file), self._keys(), self.file)
            kept = [one for one in found if isinstance(one, Erased) or one.at >= before]
            with fresh(self.file, self._written(kept, 0, _BEFORE_ALL), _MODE) as made:
                made.replace(self.file)

    def _written(self, lines: Sequence[LedgerLine], number: int, previous: str) -> bytes:
        """As the lines after the one of this number and digest."""
        written: list[bytes] = []
        for one in lines:
            written.append(self._line(number + len(written) + 1, previous, one))
            previous = _digest(written[-1])
        return b"".join(written)

    def _keys(self) -> dict[str, Ed25519PublicKey]:
        return read_public_keys(public_key_files(self.file.parent))

    def _line(self, number: int, previous: str, one: LedgerLine) -> bytes:
        claims = {"number": number, "previous": previous, **_claims(one), "time": one.at}
        return json.dumps({"jws": signed(self.key, _TYPE, claims)}).encode() + b"\n"

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = self._opened()
        try:
            yield file
        finally:
            os.close(file)

    def _opened(self) -> int:
        """Locked, and still the one of this name: another worker may have written it anew meanwhile."""
        while True:
            is_new = not self.file.exists()
            file = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
            fcntl.flock(file, fcntl.LOCK_EX)
            if is_new:
                give_to_owner(file, self.file.parent)
            if self.file.exists() and os.path.samestat(os.fstat(file), self.file.stat()):
                return file
            os.close(file)


def read_ledger(file: Path, keys: Mapping[str, Ed25519PublicKey]) -> list[LedgerLine]:
    """The oldest first. keys: by key_id. A last line that a crash cut off is left out.

    Raises LedgerUnusable for a line that is not of these keys, or not in its place.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise LedgerUnusable(f"{file}: {error.strerror}") from error
    return _read(text[: text.rfind(b"\n") + 1], keys, file)


def _read(text: bytes, keys: Mapping[str, Ed25519PublicKey], file: Path) -> list[LedgerLine]:
    found: list[LedgerLine] = []
    previous = _BEFORE_ALL
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        try:
            claims = json.loads(opened(json.loads(line)["jws"], _TYPE, keys))
            in_place = (claims["number"], claims["previous"]) == (number, previous)
            one = _meant(claims)
        except BadStatement as error:
            raise LedgerUnusable(f"{file}:{number}: the line {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LedgerUnusable(f"{file}:{number}: is no line of a ledger") from error
        if not in_place:
            raise LedgerUnusable(f"{file}:{number}: a line before it is missing, or was changed")
        found.append(one)
        previous = _digest(line)
    return found


def _same(one: LedgerLine) -> object:
    """Equal for two lines of which one is enough: nobody is erased twice."""
    return one.user_id if isinstance(one, Erased) else one


def _claims(one: LedgerLine) -> dict[str, str]:
    """What was taken away has no `user`: a version that knows erasures only refuses it, and erases nobody."""
    if isinstance(one, Erased):
        return {"user": str(one.user_id)}
    return {"loss": one.loss.value, "whose": one.whose, "what": one.what}


def _meant(claims: Mapping[str, str]) -> LedgerLine:
    """Raises ValueError, KeyError or TypeError."""
    if "loss" in claims:
        return TakenAway(Loss(claims["loss"]), str(claims["whose"]), str(claims["what"]), int(claims["time"]))
    return Erased(UUID(claims["user"]), int(claims["time"]))


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
