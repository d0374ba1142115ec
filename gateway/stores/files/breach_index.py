"""The offline index of breached passwords: 48 bits of each SHA-1, in a file that is asked by two reads.

A header of 64 bytes, 2^24 counts of 4 bytes, 3 bytes for each digest, all little-endian. The first 24 bits of a digest
choose its bucket; a bucket's count says where its digests end; these are the next 24 bits, in order. So of 900 million
passwords about one in 300,000 others is taken for one of them. The layout is in files of operators: it changes only
with another magic number.
"""

import os
import struct
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError

BUCKETS: Final = 1 << 24
HEADER_BYTES: Final = 64  # the last four are 0: where bucket 0 begins
COUNT_BYTES: Final = 4
REST_BYTES: Final = 3
BUCKET_BYTES: Final = 3
RESTS_AT: Final = HEADER_BYTES + BUCKETS * COUNT_BYTES
_MAGIC: Final = b"bastion\x01"
_HEADER: Final = struct.Struct("<8sQIQ")
_TWO_COUNTS: Final = struct.Struct("<II")


class NoIndex(GatewayError):
    """There is no whole index at that path; the message says why."""


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """count: of digests. min_count: how often each was seen at least. built_at: Unix seconds."""

    count: int
    min_count: int
    built_at: int

    @property
    def bytes(self) -> bytes:
        return _HEADER.pack(_MAGIC, self.count, self.min_count, self.built_at).ljust(HEADER_BYTES, b"\0")

    @property
    def file_bytes(self) -> int:
        return RESTS_AT + self.count * REST_BYTES


class BreachIndex:
    """Blocks on the disk, so it is asked in a thread. Reads, and maps nothing: a page fault would stop the process.

    A file that takes its place is opened with the next question.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: _Opened | None = None

    def has(self, digest: bytes) -> bool:
        """digest: 20 bytes. Raises NoIndex."""
        try:
            return self._current().has(digest)
        except OSError as error:
            raise NoIndex(f"{self._path} can't be read: {error.strerror}") from error

    def header(self) -> IndexHeader:
        """Raises NoIndex."""
        try:
            return self._current().header
        except OSError as error:
            raise NoIndex(f"{self._path} can't be read: {error.strerror}") from error

    def _current(self) -> "_Opened":
        """Two threads may open it twice. A file is closed with its last user."""
        there = self._path.stat()
        opened = self._opened
        if opened is None or opened.identity != (there.st_dev, there.st_ino):
            opened = self._opened = _Opened(self._path)
        return opened


class _Opened:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        there = os.fstat(self._descriptor)
        self.identity = (there.st_dev, there.st_ino)
        self.header = _read_header(os.pread(self._descriptor, HEADER_BYTES, 0), there.st_size, path)

    def has(self, digest: bytes) -> bool:
        bucket = int.from_bytes(digest[:BUCKET_BYTES], "big")
        wanted = digest[BUCKET_BYTES : BUCKET_BYTES + REST_BYTES]
        begin, end = _TWO_COUNTS.unpack(self._read(2 * COUNT_BYTES, HEADER_BYTES + (bucket - 1) * COUNT_BYTES))
        if not begin <= end <= self.header.count:
            raise NoIndex("the index of breached passwords is damaged; import it again")
        rests = self._read((end - begin) * REST_BYTES, RESTS_AT + begin * REST_BYTES)
        at = rests.find(wanted)
        while at % REST_BYTES and at > 0:  # found across two of them
            at = rests.find(wanted, at + 1)
        return at >= 0

    def _read(self, size: int, at: int) -> bytes:
        found = os.pread(self._descriptor, size, at)
        if len(found) != size:
            raise NoIndex("the index of breached passwords ends early; import it again")
        return found


def _read_header(head: bytes, size: int, path: Path) -> IndexHeader:
    """Raises NoIndex."""
    if len(head) != HEADER_BYTES or not head.startswith(_MAGIC):
        raise NoIndex(f"{path} is no index of breached passwords; `bastion breach import` makes one")
    _, count, min_count, built_at = _HEADER.unpack_from(head)
    header = IndexHeader(count, min_count, built_at)
    if size != header.file_bytes:
        raise NoIndex(f"{path} has {size:,} bytes instead of {header.file_bytes:,}; import it again")
    return header


def trouble_with_index(path: Path) -> str:
    """Why it can't be asked; "" where it can."""
    try:
        BreachIndex(path).header()
    except NoIndex as problem:
        return str(problem)
    return ""
