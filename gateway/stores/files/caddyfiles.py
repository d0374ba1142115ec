"""Reads a Caddyfile and what it imports, for whoever wants to name a line; Caddy alone says what they mean."""

import re
from pathlib import Path
from typing import Final

_IMPORT: Final = re.compile(r"^\s*import\s+(\S+)", re.MULTILINE)
_MOST_FILES: Final = 200
_MOST_BYTES: Final = 4 * 1024 * 1024


def read_caddyfiles(file: Path) -> dict[str, str]:
    """Texts by file name. What can't be read is left out: it only costs a line number."""
    texts: dict[str, str] = {}
    waiting = [file]
    while waiting and len(texts) < _MOST_FILES:
        one = waiting.pop(0)
        if str(one) in texts or not one.is_file() or one.stat().st_size > _MOST_BYTES:
            continue
        try:
            texts[str(one)] = one.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        waiting += [found for name in _IMPORT.findall(texts[str(one)]) for found in _imported(one.parent, name)]
    return texts


def _imported(directory: Path, name: str) -> list[Path]:
    """A path or a pattern, seen from the importing file; the name of a snippet is neither."""
    try:
        return sorted(Path("/").glob(name.lstrip("/"))) if name.startswith("/") else sorted(directory.glob(name))
    except (ValueError, NotImplementedError):
        return []
