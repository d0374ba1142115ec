"""Writes what a worker noted of decisions, one batch a second: counts by minute, and samples of what was refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from gateway.core.forward.answer import Answer
from gateway.core.forward.refused_facts import facts_of
from gateway.core.forward.request import ForwardedRequest
from gateway.core.units import DAY_S, HOUR_S, MINUTE_S
from gateway.flows.act import Acts
from gateway.flows.decide.decision_recorder import OTHERS, Noted
from gateway.flows.transaction import transaction
from gateway.stores.postgres.decision_counts import DecisionCounts
from gateway.stores.postgres.refusals import RefusalRows, RefusalSample

EVERY_S: Final = 1.0
ALIKE_A_MINUTE: Final = 5
KNOWN_A_BATCH: Final = 20
STRANGERS_A_BATCH: Final = 2
KINDS_A_MINUTE: Final = 500
MOST_ROWS: Final = 1_000_000
_KEPT_S: Final = 7 * DAY_S
_COUNTS_KEPT_S: Final = 48 * HOUR_S
_HOURS_KEPT_S: Final = 90 * DAY_S
_LATE_S: Final = 5 * MINUTE_S  # how much later than the leader's a worker's clock may be
_Note = tuple[ForwardedRequest, Answer, int]
_Kind = tuple[str, str, str]
_Samples = list[tuple[RefusalSample, Mapping[str, str]]]


@dataclass(slots=True)
class _Alike:
    """Refusals of one person, route and reason: how many samples this minute has, and the newest, which stands for the
    rest.
    """

    samples: int
    newest: str


@dataclass(slots=True)
class _Minute:
    """at: its beginning, Unix seconds. kinds: those that have a row of counts."""

    at: int = 0
    alike: dict[tuple[str, str, str], _Alike] = field(default_factory=dict)
    kinds: set[_Kind] = field(default_factory=set)


@dataclass(slots=True)
class RefusalsKept:
    """Of one worker. take: what was noted since the last batch. count: hears how many refusals were kept and dropped.

    A crash of the worker, or a Postgres that is away, loses samples and no decision. Counts wait for Postgres.
    """

    acts: Acts
    take: Callable[[], Noted]
    count: Callable[[str, int], None]
    _minute: _Minute = field(default_factory=_Minute)
    _owed: dict[_Kind, int] = field(default_factory=dict)

    async def write(self) -> None:
        """Raises RecordUnavailable."""
        noted, now = self.take(), self.acts.clock()
        minute = now - now % MINUTE_S
        if minute != self._minute.at:
            self._minute = _Minute(minute)
        for kind, n in noted.counts.items():
            self._owe(kind, n)
        if not self._owed:
            return
        refused, kept = noted.dropped + len(noted.known) + len(noted.strangers), 0
        try:
            kept = await self._store(noted, minute)
        finally:
            self.count("kept", kept)
            self.count("dropped", refused - kept)

    async def purge(self) -> None:
        """Of the whole fleet: counts of hours that are over, and away with what is too old, or too much."""
        now, taken = self.acts.clock(), 1
        async with transaction(self.acts.pool) as connection:
            counts = DecisionCounts(connection)
            await counts.add_hours((now - _LATE_S) // HOUR_S * HOUR_S)
            await counts.purge(now - _COUNTS_KEPT_S, now - _HOURS_KEPT_S)
        while taken:
            async with transaction(self.acts.pool) as connection:
                taken = await RefusalRows(connection, self.acts.vault).purge(now - _KEPT_S, MOST_ROWS)

    def _owe(self, kind: _Kind, n: int) -> None:
        """What a client wrote stands in no row: of a refused path the reason is the first word."""
        route, outcome, reason = kind
        short = (route, outcome, reason.partition(":")[0] if outcome == "refused" else reason)
        if short not in self._minute.kinds and len(self._minute.kinds) >= KINDS_A_MINUTE:
            short = (OTHERS, outcome, "")
        self._minute.kinds.add(short)
        self._owed[short] = self._owed.get(short, 0) + n

    async def _store(self, noted: Noted, minute: int) -> int:
        """How many refusals the samples stand for."""
        async with transaction(self.acts.pool) as connection:
            rows = RefusalRows(connection, self.acts.vault)
            owners = await rows.owners([one.presented for _, one, _ in noted.known if one.presented is not None])
            more = dict[str, int]()
            samples = self._sampled(noted.known, owners, KNOWN_A_BATCH, more)
            samples += self._sampled(noted.strangers, owners, STRANGERS_A_BATCH, more)
            kept = await rows.add(samples)
            await rows.grow(more)
            await DecisionCounts(connection).add(minute, self._owed)
        self._owed.clear()
        return kept + sum(more.values())

    def _sampled(self, notes: Sequence[_Note], owners: Mapping[str, UUID], most: int, more: dict[str, int]) -> _Samples:
        """The new ones. more: by how many those that are there grow."""
        samples: _Samples = []
        for request, answer, at in notes:
            presented = answer.presented
            subject = answer.subject if presented is None else owners.get(presented.login)
            alike = (str(subject or ""), answer.route, answer.reason)
            known = self._minute.alike.get(alike)
            if (known is None or known.samples < ALIKE_A_MINUTE) and len(samples) < most:
                self._minute.alike[alike] = _Alike(1 if known is None else known.samples + 1, request.request_id)
                sample = RefusalSample(request.request_id, at, subject, answer.route, answer.reason, answer.outcome)
                samples.append((sample, facts_of(request, answer)))
            elif known is not None:
                more[known.newest] = more.get(known.newest, 0) + 1
        return samples
