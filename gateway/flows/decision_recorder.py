"""Tells the figures, the audit log and the log of each decision."""

from typing import Final

import structlog

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import ForwardedRequest
from gateway.flows.tallies import Tallies
from gateway.metrics import Slot

OUTCOMES: Final = ("allow", "login", "step_up", "deny", "limited", "refused", "preflight", "unavailable")
_LOG: Final = structlog.stdlib.get_logger("gateway.decisions")


class DecisionRecorder:
    """Of one worker. wanted: which decisions get a line in the log, all, refused or none."""

    def __init__(self, slot: Slot, wanted: str, tallies: Tallies) -> None:
        self._cells = {outcome: slot.cell("bastion_decisions", outcome) for outcome in OUTCOMES}
        self._timer = slot.timer("bastion_decision_seconds")
        self._logs_refusals = wanted in ("all", "refused")
        self._logs_allows = wanted == "all"
        self._tallies = tallies

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
        if self._logs_allows if outcome == "allow" else self._logs_refusals:
            _log(request, answer, took_us)


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
