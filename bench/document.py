"""Writes figures into docs/performance.md, whose rows begin with their names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.figures import WANTED, Figure

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_ROW: Final = re.compile(r"^\| `(?P<name>[a-z0-9_.]+)` \| (?P<what>[^|]+) \|.*$", re.MULTILINE)
_THREE_DIGITS: Final = ((1.0, 3), (10.0, 2), (100.0, 1))  # below this, so many after the point


def filled_in(page: str, figures: Sequence[Figure]) -> str:
    """Rows of figures that were not measured stay. Raises KeyError for a figure that no row is for."""
    measured = {figure.name: figure for figure in figures}
    missing = measured.keys() - names(page)
    if missing:
        raise KeyError(f"docs/performance.md has no row for {', '.join(sorted(missing))}")
    return _ROW.sub(lambda row: _row(row, measured), page)


def names(page: str) -> set[str]:
    return {row["name"] for row in _ROW.finditer(page)}


def _row(row: re.Match[str], measured: Mapping[str, Figure]) -> str:
    figure = measured.get(row["name"])
    if figure is None:
        return row[0]
    spread = f"{_shown(figure.low)} to {_shown(figure.high)}"
    said = verdict(figure.name, figure.value)
    return f"| `{figure.name}` | {row['what']} | {_shown(figure.value)} | {spread} | {said} |"


def verdict(name: str, value: float) -> str:
    """ "": nothing is wanted of it."""
    wanted = WANTED.get(name)
    return "" if wanted is None else f"{wanted}, {'met' if wanted.met_by(value) else '**not met**'}"


def _shown(value: float) -> str:
    digits = next((digits for below, digits in _THREE_DIGITS if value < below), 0)
    return f"{value:,.{digits}f}"
