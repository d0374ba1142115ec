"""Reads the operator's policy files, and keeps a copy of the last ones that were accepted."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError

_ENDINGS: Final = (".yaml", ".yml")
_MOST_FILES: Final = 2_000
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_UNREAD: Final = 20
_DEEPEST: Final = 4  # a link may lead back to a directory above it


class PolicyUnreadable(GatewayError):
    """The directory or a file in it can't be read; the message names it."""


def read_sources(directory: Path) -> dict[str, str]:
    """Texts by file name, for all *.yaml of the directory, without hidden files. Raises PolicyUnreadable."""
    try:
        files = sorted(file for file in directory.iterdir() if file.suffix in _ENDINGS)
    except OSError as error:
        raise PolicyUnreadable(f"policy directory {directory}: {error.strerror}") from error
    files = [file for file in files if not file.name.startswith(".")]
    if len(files) > _MOST_FILES:
        raise PolicyUnreadable(f"policy directory {directory}: more than {_MOST_FILES} files")
    sources, left = {}, _MOST_BYTES
    for file in files:
        sources[file.name] = _text(file, left)
        left -= len(sources[file.name])
    return sources


def unread(directory: Path) -> tuple[str, ...]:
    """The first files, by their names below the directory, that look like policy and that read_sources does not read.

    They are in a sub-directory, or their ending has capitals. Hidden ones don't count: orchestrators mount files by way
    of them.
    """
    found = islice(_unread(directory, 0), _MOST_UNREAD)
    return tuple(str(file.relative_to(directory)) for file in found)


def _unread(directory: Path, depth: int) -> Iterator[Path]:
    files: list[Path] = []
    with suppress(OSError):
        files = sorted(file for file in directory.iterdir() if not file.name.startswith("."))
    for file in files:
        is_policy = file.suffix.lower() in _ENDINGS
        if is_policy and (depth or file.suffix not in _ENDINGS):
            yield file
        elif not is_policy and depth < _DEEPEST and file.is_dir():
            yield from _unread(file, depth + 1)


def _text(file: Path, left: int) -> str:
    if not file.name.isprintable():
        raise PolicyUnreadable(f"{file.parent}/{file.name!a}: the name of the file is not UTF-8 that can be printed")
    try:
        if not file.is_file():  # a pipe would be waited for
            raise PolicyUnreadable(f"{file}: expected a file")
        raw = file.read_bytes()
    except OSError as error:
        raise PolicyUnreadable(f"{file}: {error.strerror}") from error
    if len(raw) > left:
        raise PolicyUnreadable(f"{file}: all files together are larger than {_MOST_BYTES} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyUnreadable(f"{file}: byte {error.start} is not UTF-8") from error


@dataclass(frozen=True, slots=True)
class LastGood:
    """One file with the sources that were accepted last, so that a restart with a broken policy serves something."""

    path: Path

    def read(self) -> dict[str, str] | None:
        """None: there is none, or it can't be read."""
        try:
            kept = json.loads(self.path.read_bytes())
            return {str(name): str(text) for name, text in kept["sources"].items()}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None

    def write(self, sources: Mapping[str, str]) -> None:
        """Whole or not at all; workers may do it at once. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            fresh.write_text(json.dumps({"sources": dict(sources)}), encoding="utf-8")
            fresh.chmod(0o600)
            fresh.rename(self.path)
        finally:  # the disk is full, and a worker of another number would not write over it
            fresh.unlink(missing_ok=True)
