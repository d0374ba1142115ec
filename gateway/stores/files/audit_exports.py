"""Reads exported files of the audit log, some links at a time, however long they are."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

from gateway.core.audit.chain import Link
from gateway.core.audit.jsonl import BadLine, read_jsonl
from gateway.core.errors import GatewayError

_BATCH: Final = 500
_LONGEST_LINE: Final = 1 << 24  # the longest entries are policies, and those have 4 MB at most


class ExportUnusable(GatewayError):
    """A file is no export of the audit log; the message names it."""


def read_exports(files: list[Path]) -> Iterator[list[Link]]:
    """Of several files the one with the smallest position first. Raises ExportUnusable."""
    ordered = sorted(files, key=_first_position)
    links = chain.from_iterable(map(_links, ordered))
    while batch := list(islice(links, _BATCH)):
        yield batch


def _first_position(file: Path) -> int:
    first = next(_links(file), None)
    if first is None:
        raise ExportUnusable(f"{file}: holds no entry")
    return first.position


def _links(file: Path) -> Iterator[Link]:
    try:
        with file.open("rb") as lines:
            yield from _parsed(file, lines)
    except OSError as error:
        raise ExportUnusable(f"{file}: {error.strerror}") from error


def _parsed(file: Path, lines: BinaryIO) -> Iterator[Link]:
    number = 0
    while line := lines.readline(_LONGEST_LINE):
        number += 1
        if not line.endswith(b"\n"):
            raise ExportUnusable(f"{file}:{number}: the line has no end: the file was cut off")
        try:
            yield read_jsonl(line)
        except BadLine as error:
            raise ExportUnusable(f"{file}:{number}: the line {error}") from error
