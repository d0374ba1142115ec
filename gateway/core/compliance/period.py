"""Decides what a series of looks says of a period: how long a control passed, failed, or was not observed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.core.compliance.controls import Result


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one control. at: Unix seconds."""

    at: int
    every_s: int
    definition: bytes
    result: Result
    evidence: str

    def holds_until(self, at: int) -> bool:
        """Whether nothing was missed between this look and that moment."""
        return at - self.at <= 2 * self.every_s


@dataclass(frozen=True, slots=True)
class ControlSpan:
    """begins_at to ends_at, in Unix seconds. result None: not observed. evidence: of the first look in it."""

    begins_at: int
    ends_at: int
    definition: bytes
    result: Result | None
    evidence: str = ""

    @property
    def lasted_s(self) -> int:
        return self.ends_at - self.begins_at


def spans(observations: Sequence[Observation], begins_at: int, ends_at: int) -> list[ControlSpan]:
    """All of the period, in order. observations: by time, also the last one from before it.

    A look holds until the next one. If that comes later than twice the interval, the time between was not observed.
    Before the first look it was not, either.
    """
    merged: list[ControlSpan] = []
    for span in _pieces(observations, begins_at, ends_at):
        before = merged[-1] if merged else None
        if before is not None and (before.definition, before.result) == (span.definition, span.result):
            merged[-1] = ControlSpan(before.begins_at, span.ends_at, before.definition, before.result, before.evidence)
        else:
            merged.append(span)
    return merged


def _pieces(observations: Sequence[Observation], begins_at: int, ends_at: int) -> Iterator[ControlSpan]:
    at, known = begins_at, observations[0].definition if observations else b""
    for number, one in enumerate(observations):
        following = observations[number + 1].at if number + 1 < len(observations) else ends_at
        begin, end = max(one.at, begins_at), min(following, ends_at)
        if at < begin <= ends_at and number == 0:
            yield ControlSpan(at, begin, known, None)
        if begin < end:
            result, evidence = (one.result, one.evidence) if one.holds_until(following) else (None, "")
            yield ControlSpan(begin, end, one.definition, result, evidence)
        at = max(at, end)
    if not observations and begins_at < ends_at:
        yield ControlSpan(begins_at, ends_at, b"", None)
