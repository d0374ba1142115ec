"""A figure is the median of interleaved repetitions, with its spread, and what is wanted of it."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Wanted:
    """bound: at most this, or at least this."""

    bound: float
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


WANTED: Final = {
    "decision.session_cpu_vs_aiohttp": Wanted(0.75),
    "decision.routes_10000_vs_100": Wanted(1.1),
    "caddy.cpu_vs_plain_forward_auth": Wanted(1.5),
    "caddy.all_cpu_vs_plain": Wanted(1.9),
    "caddy.throughput_vs_before": Wanted(1.4, at_least=True),
    "decision.million_sessions_vs_thousand": Wanted(1.15),
    "risk.score_us": Wanted(100),
    "flood.live_p99_vs_alone.20000_per_s": Wanted(2.0),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """low, high: the least and the greatest of the repetitions."""

    name: str
    value: float
    low: float
    high: float
    repetitions: int

    @classmethod
    def of(cls, name: str, values: Sequence[float]) -> "Figure":
        return cls(name, statistics.median(values), min(values), max(values), len(values))

    @classmethod
    def ratio(cls, name: str, these: Sequence[float], those: Sequence[float]) -> "Figure":
        """Of the medians; the spread is that of the repetitions that were neighbours."""
        pairs = [one / other for one, other in zip(these, those, strict=True)]
        value = statistics.median(these) / statistics.median(those)
        return cls(name, value, min(pairs), max(pairs), len(pairs))

    @property
    def is_met(self) -> bool:
        """Also where nothing is wanted of it."""
        wanted = WANTED.get(self.name)
        return wanted is None or wanted.met_by(self.value)

    def row(self) -> dict[str, object]:
        wanted = WANTED.get(self.name)
        more = {} if wanted is None else {"wanted": str(wanted), "met": self.is_met}
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return rounded | more


def table(figures: Sequence[Figure]) -> str:
    lines = [f"{'figure':<52} {'median':>9} {'from':>9} {'to':>9} {'wanted':>9}"]
    for one in figures:
        wanted = WANTED.get(one.name)
        verdict = "" if wanted is None else f"{wanted!s:>9} {'met' if one.is_met else 'NOT MET'}"
        lines.append(f"{one.name:<52} {one.value:>9.3g} {one.low:>9.3g} {one.high:>9.3g} {verdict}")
    return "\n".join(lines)
