"""Owns the figures: plain integers in memory that all workers share, added up when somebody asks.

Each worker writes only its own slot, so no lock is needed; a slot outlives its worker, so counters never go back.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.figures import FIGURES, Counter, Figure, Gauge, Histogram

_INTEGER: Final = 8
_HALF_BYTES: Final = 7  # of a name, in one integer: its sign stays free
_NAME_BYTES: Final = 2 * _HALF_BYTES
_NAMED_WIDTH: Final = 3  # integers: the name's two, and the level


class Cell:
    """One integer of one worker."""

    __slots__ = ("_index", "_integers")

    def __init__(self, integers: memoryview, index: int) -> None:
        self._integers = integers
        self._index = index

    def add(self, amount: int = 1) -> None:
        self._integers[self._index] += amount

    def set(self, level: int) -> None:
        self._integers[self._index] = level


class NamedLevels:
    """Of one worker, by names of up to _NAME_BYTES ASCII characters."""

    __slots__ = ("_integers", "_most")

    def __init__(self, integers: memoryview, most: int) -> None:
        self._integers = integers
        self._most = most

    def set(self, levels: Mapping[str, int]) -> None:
        """All of them anew; those that are too many are left out."""
        self.forget()
        for number, (name, level) in enumerate([*levels.items()][: self._most]):
            raw = name.encode("ascii").ljust(_NAME_BYTES, b"\0")
            halves = raw[:_HALF_BYTES], raw[_HALF_BYTES:_NAME_BYTES]
            first = number * _NAMED_WIDTH
            self._integers[first + 2] = level
            self._integers[first], self._integers[first + 1] = (int.from_bytes(half, "big") for half in halves)

    def forget(self) -> None:
        for index in range(self._most * _NAMED_WIDTH):
            self._integers[index] = 0

    def get(self) -> dict[str, int]:
        found = dict[str, int]()
        for first in range(0, self._most * _NAMED_WIDTH, _NAMED_WIDTH):
            raw = b"".join(int(one).to_bytes(_HALF_BYTES, "big") for one in self._integers[first : first + 2])
            if raw.strip(b"\0"):
                found[raw.rstrip(b"\0").decode("ascii")] = int(self._integers[first + 2])
        return found


class Timer:
    """One histogram of one worker."""

    __slots__ = ("_bounds", "_first", "_integers", "_sum")

    def __init__(self, integers: memoryview, first: int, bounds: tuple[int, ...]) -> None:
        self._integers = integers
        self._first = first
        self._bounds = bounds
        self._sum = first + len(bounds) + 1

    def observe(self, amount: int) -> None:
        integers, first = self._integers, self._first
        integers[first + bisect_left(self._bounds, amount)] += 1
        integers[self._sum] += amount


class Slot:
    """What one worker may write."""

    def __init__(self, integers: memoryview, places: dict[tuple[str, str], int], figures: Sequence[Figure]) -> None:
        self._integers = integers
        self._places = places
        self._figures = {figure.name: figure for figure in figures}

    def cell(self, name: str, value: str = "") -> Cell:
        """Raises KeyError for a figure or a label value that FIGURES does not have."""
        return Cell(self._integers, self._places[name, value])

    def named(self, name: str) -> NamedLevels:
        figure = self._figures[name]
        assert isinstance(figure, Gauge)
        return NamedLevels(self._integers[self._places[name, ""] :], figure.named)

    def timer(self, name: str, value: str = "") -> Timer:
        """As cell."""
        figure = self._figures[name]
        assert isinstance(figure, Histogram)
        return Timer(self._integers, self._places[name, value], figure.bounds)

    def reset_gauges(self) -> None:
        """A new worker takes over the slot of a dead one."""
        for figure in self._figures.values():
            if isinstance(figure, Gauge):
                if figure.named:
                    self.named(figure.name).forget()
                for value in figure.values:
                    self._integers[self._places[figure.name, value]] = 0


class Metrics:
    """Made before the workers are forked; the memory is shared with them."""

    def __init__(self, slots: int, figures: Sequence[Figure] = FIGURES) -> None:
        self.slots = slots
        self._figures = figures
        self._places: dict[tuple[str, str], int] = {}
        self._width = 0
        for figure in figures:
            self._place(figure)
        self._integers = memoryview(mmap.mmap(-1, max(1, slots * self._width) * _INTEGER)).cast("q")

    def slot(self, number: int) -> Slot:
        """number: 0 to slots - 1; two living workers must not have the same."""
        assert 0 <= number < self.slots
        mine = self._integers[number * self._width : (number + 1) * self._width]
        return Slot(mine, self._places, self._figures)

    def level(self, number: int, name: str, value: str = "") -> int:
        """What one slot holds."""
        return int(self._integers[number * self._width + self._places[name, value]])

    def total(self, name: str, value: str = "") -> int:
        """What all slots hold together."""
        return self._sum(self._places[name, value])

    def render(self) -> bytes:
        """In the text format of Prometheus."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Sums(self._families()))
        return generate_latest(registry)

    def _place(self, figure: Figure) -> None:
        if isinstance(figure, Gauge) and figure.named:
            self._places[figure.name, ""] = self._width
            self._width += figure.named * _NAMED_WIDTH
            return
        # Of a histogram: one more bucket without a bound, and the sum.
        width = len(figure.bounds) + 2 if isinstance(figure, Histogram) else 1
        for value in figure.values:
            self._places[figure.name, value] = self._width
            self._width += width

    def _sum(self, place: int) -> int:
        return sum(self._integers[slot * self._width + place] for slot in range(self.slots))

    def _families(self) -> Iterator[Metric]:
        for figure in self._figures:
            if isinstance(figure, Histogram):
                yield self._histogram(figure)
                continue
            kind = CounterMetricFamily if isinstance(figure, Counter) else GaugeMetricFamily
            family = kind(figure.name, figure.about, labels=figure.label.split())
            for value in figure.values:
                family.add_metric(value.split(), self._sum(self._places[figure.name, value]))
            if isinstance(figure, Gauge) and figure.named:
                for name, level in self._named(figure).items():
                    family.add_metric([name], level)
            yield family

    def _named(self, figure: Gauge) -> dict[str, int]:
        found = dict[str, int]()
        for number in range(self.slots):
            for name, level in self.slot(number).named(figure.name).get().items():
                found[name] = found.get(name, 0) + level
        return found

    def _histogram(self, figure: Histogram) -> Metric:
        family = HistogramMetricFamily(figure.name, figure.about, labels=figure.label.split())
        for value in figure.values:
            buckets, total = self._observed(figure, value)
            family.add_metric(value.split(), buckets, total)
        return family

    def _observed(self, figure: Histogram, value: str) -> tuple[list[tuple[str, float]], float]:
        """Its buckets, each with all that are below, and the sum."""
        first, reached = self._places[figure.name, value], 0
        buckets: list[tuple[str, float]] = []
        for offset in range(len(figure.bounds) + 1):
            reached += self._sum(first + offset)
            bounded = offset < len(figure.bounds)
            buckets.append((str(figure.bounds[offset] / figure.unit) if bounded else "+Inf", reached))
        return buckets, self._sum(first + len(figure.bounds) + 1) / figure.unit


class _Sums(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families
