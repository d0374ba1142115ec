"""Stretches of time in equal steps, and counts that are sorted into them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.core.units import DAY_S, HOUR_S, MINUTE_S

CountAt: TypeAlias = "tuple[int, str, int]"


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """steps: how many; the last one is not over yet. Steps begin at whole minutes, hours and days in UTC."""

    name: str
    words: str
    step_s: int
    step: str
    steps: int

    def times(self, now: int) -> tuple[int, ...]:
        """When each step begins, in Unix seconds, the oldest first."""
        last = now - now % self.step_s
        return tuple(last - self.step_s * back for back in range(self.steps - 1, -1, -1))

    def sorted_in(self, now: int, found: Iterable[CountAt]) -> Mapping[str, tuple[int, ...]]:
        """Of each name a number for each step. found: a time, a name, how many; what is of another time is left out."""
        places = {at: place for place, at in enumerate(self.times(now))}
        series = dict[str, list[int]]()
        for at, name, n in found:
            place = places.get(at - at % self.step_s)
            if place is not None:
                series.setdefault(name, [0] * self.steps)[place] += n
        return {name: tuple(numbers) for name, numbers in series.items()}


LAST_HOUR: Final = TimeSpan("1h", "last hour", MINUTE_S, "minute", 60)
LAST_DAY: Final = TimeSpan("24h", "last 24 hours", HOUR_S, "hour", 24)
LAST_WEEK: Final = TimeSpan("7d", "last 7 days", HOUR_S, "hour", 168)
LAST_MONTH: Final = TimeSpan("30d", "last 30 days", DAY_S, "day", 30)
