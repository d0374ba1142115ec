"""A strip of bars for numbers over time. Integers alone, so that a template writes them as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HEIGHT: Final = 40
STEP: Final = 10
BAR: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, in units of the strip."""

    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Strip:
    """bars: of what is not nothing. width: of the whole. most: the highest number, as high as the strip."""

    bars: tuple[Bar, ...]
    width: int
    total: int
    most: int


def strip_of(numbers: Sequence[int]) -> Strip:
    """Whatever is more than nothing can be seen. numbers: none is negative."""
    most = max(numbers, default=0)
    bars = []
    for place, n in enumerate(numbers):
        if n:
            height = -(-n * HEIGHT // most)
            bars.append(Bar(place * STEP, HEIGHT - height, height))
    return Strip(tuple(bars), len(numbers) * STEP, sum(numbers), most)
