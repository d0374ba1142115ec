"""Whether tests go through all that they sample otherwise: `EXHAUSTIVE=1 pytest --timeout 900`."""

import os
from collections.abc import Iterable
from typing import Final, TypeVar

Case = TypeVar("Case")

EXHAUSTIVE: Final = bool(os.environ.get("EXHAUSTIVE"))
KILLS: Final = 100 if EXHAUSTIVE else 3  # kill -9 of what takes long
EXAMPLES: Final = 100 if EXHAUSTIVE else 25  # of a property test


def examples(exhaustive: int) -> int:
    """Of a property test that wants more than others: a tenth of it, unless EXHAUSTIVE."""
    return exhaustive if EXHAUSTIVE else exhaustive // 10


def sampled(cases: Iterable[Case], most: int = 2) -> list[Case]:
    """The cases that run: all with EXHAUSTIVE, else so many, evenly chosen. For siblings that fail for one reason."""
    every = list(cases)
    if EXHAUSTIVE or len(every) <= most:
        return every
    return [every[index * (len(every) - 1) // max(1, most - 1)] for index in range(most)]
