"""Builds the index of breached passwords from files in order of hash, beside its place, so that it appears whole.

Everything is written once and in order: a state file beside the half-built index says up to where, so an import that
was interrupted goes on from there.
"""

import fcntl
import hashlib
import json
import os
import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError
from gateway.stores.files.breach_index import (
    BUCKET_BYTES,
    BUCKETS,
    COUNT_BYTES,
    HEADER_BYTES,
    REST_BYTES,
    RESTS_AT,
    IndexHeader,
)
from gateway.stores.files.whole import fresh

Progress = Callable[[int, int], None]
_HASH_DIGITS: Final = 40
_KEPT_DIGITS: Final = 12
_KEPT_BYTES: Final = 6
_BUCKET_DIGITS: Final = 6
_MODE: Final = 0o600
_RANGE: Final = re.compile(r"([0-9A-Fa-f]{5})(\.txt)?")
_BAD_LINE: Final = "has a line whose hash is not hex, or whose count is no number"
_WAY_OUT: Final = "`LC_ALL=C sort` puts a file in order, and `LC_ALL=C sort -m` merges several"


class BadCorpus(GatewayError):
    """A file that no index can be made of; the message says why."""


@dataclass(frozen=True, slots=True)
class HashFile:
    """prefix: of all its hashes, "" where each line has a whole one. size: bytes."""

    path: Path
    prefix: str
    size: int


@dataclass(frozen=True, slots=True)
class ImportSteps:
    """chunk_bytes: how much is read at a time. save_bytes: after how much an import could go on."""

    chunk_bytes: int = 8 << 20
    save_bytes: int = 256 << 20


_USUAL: Final = ImportSteps()


@dataclass(slots=True)
class _Reached:
    """How far an import has come. part, offset: what is read next. bucket: the first that is not written.

    held: hashes of a bucket that may go on, and the last one before.
    """

    corpus: str
    min_count: int
    part: int = 0
    offset: int = 0
    bucket: int = 0
    count: int = 0
    held: str = ""
    read: int = 0


def parts_of(paths: Sequence[Path]) -> tuple[HashFile, ...]:
    """Files with whole hashes, and the ranges of directories, in order of their first hash. Raises BadCorpus."""
    found: list[tuple[str, HashFile]] = []
    for path in paths:
        try:
            found += _ranges_of(path) if path.is_dir() else [_file(path)]
        except OSError as error:
            raise BadCorpus(f"{error.filename or path} can't be read: {error.strerror}") from error
    return tuple(part for _, part in sorted(found, key=lambda one: one[0]))


def import_corpus(
    parts: Sequence[HashFile], target: Path, min_count: int, now: int, progress: Progress, steps: ImportSteps = _USUAL
) -> IndexHeader:
    """Raises BadCorpus and OSError; then what was done so far is there for the next try. now: Unix seconds.

    progress: hears of kB that were read, and of all.
    """
    building, state = target.with_name(f"{target.name}.building"), target.with_name(f"{target.name}.state")
    target.parent.mkdir(parents=True, exist_ok=True)
    with building.open("ab") as lock, building.open("r+b") as file:
        _lock(lock.fileno(), building)
        reached = _resume(state, building.stat().st_size, _corpus_id(parts), min_count)
        _Builder(file.fileno(), state, reached, steps).build(parts, progress)
        header = IndexHeader(reached.count, min_count, now)
        os.pwrite(file.fileno(), header.bytes, 0)
        file.truncate(header.file_bytes)
        os.fsync(file.fileno())
        building.rename(target)
    state.unlink(missing_ok=True)
    return header


def _lock(descriptor: int, building: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadCorpus(f"another import is writing {building}") from error


class _Builder:
    def __init__(self, descriptor: int, state: Path, reached: _Reached, steps: ImportSteps) -> None:
        self._steps = steps
        self._descriptor = descriptor
        self._state = state
        self._reached = reached
        self._saved = reached.read

    def build(self, parts: Sequence[HashFile], progress: Progress) -> None:
        reached, total = self._reached, sum(part.size for part in parts)
        for chunk in _read(parts, reached, self._steps.chunk_bytes):
            self._take(chunk.hashes, parts[min(chunk.part, len(parts) - 1)].path)
            reached.part, reached.offset, reached.read = chunk.part, chunk.offset, reached.read + chunk.size
            progress(reached.read // 1000, total // 1000)
            if reached.read - self._saved >= self._steps.save_bytes:
                self._save()
        self._write(_split(reached.held))
        self._close_buckets()

    def _take(self, hashes: list[bytes], path: Path) -> None:
        """Writes all but the last bucket, which may go on. Raises BadCorpus."""
        ordered = list(dict.fromkeys(_split(self._reached.held) + hashes))
        if not ordered:
            return
        if ordered != sorted(ordered):
            raise BadCorpus(f"{path} is not in order of hash, or overlaps another file; {_WAY_OUT}")
        split = bisect_left(ordered, ordered[-1][:_BUCKET_DIGITS])
        self._write(ordered[:split])
        self._reached.held = b"".join(ordered[split:]).decode("ascii")

    def _write(self, ordered: list[bytes]) -> None:
        """Whole buckets: their digests, and where each of them ends. Raises BadCorpus."""
        if not ordered:
            return
        reached = self._reached
        raw = bytes.fromhex(b"".join(ordered).decode("ascii"))
        rests, buckets = bytearray(len(ordered) * REST_BYTES), bytearray(len(ordered) * COUNT_BYTES)
        for byte in range(BUCKET_BYTES):
            buckets[BUCKET_BYTES - 1 - byte :: COUNT_BYTES] = raw[byte::_KEPT_BYTES]
            rests[byte::REST_BYTES] = raw[BUCKET_BYTES + byte :: _KEPT_BYTES]
        os.pwrite(self._descriptor, rests, RESTS_AT + reached.count * REST_BYTES)
        ends, at = array("I"), reached.bucket
        first, count = at, reached.count
        for bucket, many in Counter(memoryview(buckets).cast("I")).items():
            if bucket > at:
                ends.extend(array("I", [count]) * (bucket - at))
            elif bucket < at:
                raise BadCorpus(f"a hash lies before others that were read; {_WAY_OUT}")
            count += many
            ends.append(count)
            at = bucket + 1
        os.pwrite(self._descriptor, ends.tobytes(), HEADER_BYTES + first * COUNT_BYTES)
        reached.bucket, reached.count = at, count

    def _close_buckets(self) -> None:
        reached = self._reached
        ends = array("I", [reached.count]) * (BUCKETS - reached.bucket)
        os.pwrite(self._descriptor, ends.tobytes(), HEADER_BYTES + reached.bucket * COUNT_BYTES)

    def _save(self) -> None:
        """The data first: a state that is on the disk never promises more."""
        os.fsync(self._descriptor)
        content = json.dumps(asdict(self._reached)).encode()
        with fresh(self._state, content, _MODE) as made:
            made.rename(self._state)
        self._saved = self._reached.read


@dataclass(frozen=True, slots=True)
class _Chunk:
    """hashes: 12 hex digits of each. part, offset: what is read next. size: bytes that were read for it."""

    hashes: list[bytes]
    part: int
    offset: int
    size: int


def _read(parts: Sequence[HashFile], reached: _Reached, chunk_bytes: int) -> Iterator[_Chunk]:
    """Raises BadCorpus, OSError."""
    hashes, size, offset, min_count = list[bytes](), 0, reached.offset, reached.min_count
    for number, part in enumerate(parts[reached.part :], reached.part):
        with part.path.open("rb") as file:
            file.seek(offset)
            offset = 0
            while lines := file.readlines(chunk_bytes):
                hashes += _hashes(lines, part, min_count)
                size += sum(map(len, lines))
                if size >= chunk_bytes:
                    yield _Chunk(hashes, number, file.tell(), size)
                    hashes, size = [], 0
    yield _Chunk(hashes, len(parts), 0, size)


def _hashes(lines: list[bytes], part: HashFile, min_count: int) -> list[bytes]:
    """Upper-case. Raises BadCorpus."""
    digits, prefix = _HASH_DIGITS - len(part.prefix), part.prefix.encode("ascii")
    if {line[digits : digits + 1] for line in lines} != {b":"}:
        raise BadCorpus(f"{part.path} has a line that is not {digits} hex digits of SHA-1, a colon and a count")
    try:
        if min_count > 1 or part.prefix:  # answers of the API may be padded with lines that count 0
            lines = [line for line in lines if int(line[digits + 1 :]) >= min_count]
        own = _KEPT_DIGITS - len(prefix)
        text = b"".join([prefix + line[:own] for line in lines]).upper()
        blanks = len(bytes.fromhex(text.decode("ascii"))) * 2 != len(text)
    except ValueError as error:
        raise BadCorpus(f"{part.path} {_BAD_LINE}") from error
    if blanks:
        raise BadCorpus(f"{part.path} {_BAD_LINE}")
    return _split(text)


def _split(text: bytes | str) -> list[bytes]:
    raw = text.encode("ascii") if isinstance(text, str) else text
    return [raw[at : at + _KEPT_DIGITS] for at in range(0, len(raw), _KEPT_DIGITS)]


def _file(path: Path) -> tuple[str, HashFile]:
    with path.open("rb") as file:
        first = file.readline(_HASH_DIGITS).decode("ascii", errors="replace").upper()
    return first, HashFile(path, "", path.stat().st_size)


def _ranges_of(directory: Path) -> Iterator[tuple[str, HashFile]]:
    """Raises BadCorpus for a directory that has other files, or none."""
    empty = True
    with os.scandir(directory) as entries:
        for entry in entries:
            named = _RANGE.fullmatch(entry.name)
            if named is None:
                raise BadCorpus(f"{directory} has {entry.name}; expected only ranges such as 00000.txt")
            empty = False
            yield named[1].upper(), HashFile(Path(entry.path), named[1].upper(), entry.stat().st_size)
    if empty:
        raise BadCorpus(f"{directory} is empty; expected ranges such as 00000.txt")


def _corpus_id(parts: Sequence[HashFile]) -> str:
    """Of the names and sizes: another download is another corpus."""
    names = "\n".join(f"{part.path.absolute()} {part.size}" for part in parts)
    return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()


def _resume(state: Path, size: int, corpus: str, min_count: int) -> _Reached:
    """From the beginning where there is no state of this import, or not all that it promises. size: of the file."""
    begin = _Reached(corpus, min_count)
    try:
        found = _Reached(**json.loads(state.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return begin
    whole = size >= RESTS_AT + found.count * REST_BYTES or not found.count
    return found if whole and (found.corpus, found.min_count) == (corpus, min_count) else begin
