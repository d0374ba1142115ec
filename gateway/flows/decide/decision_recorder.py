"""Tells the figures, the audit log and the log of each decision."""

from collections.abc import Callable
from typing import Final

import structlog

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import ForwardedRequest
from gateway.core.outcomes import OUTCOMES
from gateway.core.ratelimit.gcra import Limit, spend
from gateway.flows.evidence.tallies import Tallies
from gateway.metrics import Slot

_LINES: Final = Limit("lines", count=200, period_us=1_000_000, burst=20)
_TELL_US: Final = 1_000_000
_LOG: Final = structlog.stdlib.get_logger("gateway.decisions")


class DecisionRecorder:
    """Of one worker. wanted: which decisions get a line in the log, all, refused or none.

    Of strangers who are refused so many a second get a line, and one line a second says how many did not: a flood
    fills no disk, and holds nobody up (threats.md R6). The figures count them all.
    """

    def __init__(self, slot: Slot, wanted: str, tallies: Tallies, clock_us: Callable[[], int]) -> None:
        self._cells = {outcome: slot.cell("bastion_decisions", outcome) for outcome in OUTCOMES}
        self._timer = slot.timer("bastion_decision_seconds")
        self._logs_refusals = wanted in ("all", "refused")
        self._logs_allows = wanted == "all"
        self._tallies = tallies
        self._clock_us = clock_us
        self._lines_full_at_us = 0
        self._told_at_us = 0
        self._unlogged = 0

    def record(self, request: ForwardedRequest, answer: Answer, took_us: int) -> None:
        """took_us: from the last byte of the question to the answer."""
        outcome = answer.outcome
        self._cells[outcome].add()
        self._timer.observe(took_us)
        if outcome == "deny":
            self._tallies.count_denial(answer)
        doubled = request.doubled_cookies
        if doubled:
            self._tallies.count_doubled(request.host, doubled)
        if outcome == "allow":
            if self._logs_allows:
                _log(request, answer, took_us)
        elif self._logs_refusals and (answer.subject is not None or self._has_room()):
            _log(request, answer, took_us)

    def _has_room(self) -> bool:
        now_us = self._clock_us()
        if self._unlogged and abs(now_us - self._told_at_us) >= _TELL_US:
            _LOG.warning("too many strangers to log each", unlogged=self._unlogged)
            self._unlogged = 0
        if not self._unlogged:
            self._told_at_us = now_us
        spent = spend(_LINES, self._lines_full_at_us, now_us)
        self._lines_full_at_us = spent.full_at_us
        self._unlogged += not spent.allowed
        return spent.allowed


def _log(request: ForwardedRequest, answer: Answer, took_us: int) -> None:
    _LOG.info(
        "decided",
        outcome=answer.outcome,
        status=answer.status,
        route=answer.route,
        reason=answer.reason,
        subject=str(answer.subject or ""),
        method=request.method,
        host=request.host,
        took_us=took_us,
        request_id=request.request_id,
    )
