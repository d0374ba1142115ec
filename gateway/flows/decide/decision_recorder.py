"""Tells the figures, the audit log and the log of each decision, and notes what the console shows of it."""

from collections.abc import Callable
from typing import Final

import structlog

from gateway.core.forward.answer import Answer
from gateway.core.forward.proxy import EARLIER, VERSION
from gateway.core.forward.request import ForwardedRequest
from gateway.core.outcomes import OUTCOMES, PROOF_OUTCOMES
from gateway.core.ratelimit.gcra import Limit, spend
from gateway.flows.evidence.tallies import Tallies
from gateway.metrics import Slot

_LINES: Final = Limit("lines", count=200, period_us=1_000_000, burst=20)
_TELL_US: Final = 1_000_000
_MINUTE_US: Final = 60_000_000
_HOUR_US: Final = 3_600_000_000
_MOST_KNOWN: Final = 500  # refusals between two batches; what is beyond stays in the figures
_MOST_STRANGERS: Final = 50
_MOST_COUNTED: Final = 500
OTHERS: Final = "(others)"
_LOG: Final = structlog.stdlib.get_logger("gateway.decisions")


class Noted:
    """What was decided since the last batch. counts: by route, outcome and reason. known, strangers: refused requests,
    each with its answer and when, in Unix seconds. dropped: refusals for which there was no room.
    """

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str], int] = {}
        self.known: list[tuple[ForwardedRequest, Answer, int]] = []
        self.strangers: list[tuple[ForwardedRequest, Answer, int]] = []
        self.dropped = 0


class DecisionRecorder:
    """Of one worker. wanted: which decisions get a line in the log, all, refused or none.

    Of strangers who are refused so many a second get a line, and one line a second says how many did not: a flood
    fills no disk, and holds nobody up (threats.md R6). The figures count them all.
    """

    def __init__(self, slot: Slot, wanted: str, tallies: Tallies, clock_us: Callable[[], int]) -> None:
        self._cells = {outcome: slot.cell("bastion_decisions", outcome) for outcome in OUTCOMES}
        self._proofs = {outcome: slot.cell("bastion_proofs", outcome) for outcome in PROOF_OUTCOMES}
        self._timer = slot.timer("bastion_decision_seconds")
        self._logs_refusals = wanted in ("all", "refused")
        self._logs_allows = wanted == "all"
        self._tallies = tallies
        self._clock_us = clock_us
        self._lines_full_at_us = 0
        self._told_at_us = 0
        self._unlogged = 0
        self._snippet_told_at_us = 0
        self._noted = Noted()

    def take(self) -> Noted:
        """What was noted since the last time."""
        noted, self._noted = self._noted, Noted()
        return noted

    def record(self, request: ForwardedRequest, answer: Answer, took_us: int) -> None:
        """took_us: from the last byte of the question to the answer."""
        if request.proxy.version != VERSION:
            self._tell_of_snippet(request, answer)
        outcome = answer.outcome
        self._cells[outcome].add()
        self._timer.observe(took_us)
        if answer.proof is not None:
            self._proofs[answer.proof].add()
        self._count(answer)
        if outcome in ("deny", "limited"):
            self._tallies.count_denial(answer)
            self._note(request, answer)
        doubled = request.doubled_cookies
        if doubled:
            self._tallies.count_doubled(request.host, doubled)
        if request.taken:
            self._tallies.count_taken(request.host, request.taken)
        if outcome == "refused":
            self._tallies.count_refused(request.host, answer.reason)
        if outcome == "allow":
            if self._logs_allows:
                _log(request, answer, took_us)
        elif self._logs_refusals and (answer.subject is not None or self._has_room()):
            _log(request, answer, took_us)

    def _count(self, answer: Answer) -> None:
        counts = self._noted.counts
        key = (answer.route, answer.outcome, answer.reason)
        counted = counts.get(key)
        if counted is None and len(counts) >= _MOST_COUNTED:
            key = (OTHERS, answer.outcome, "")
            counted = counts.get(key)
        counts[key] = 1 if counted is None else counted + 1

    def _note(self, request: ForwardedRequest, answer: Answer) -> None:
        """Strangers have a short list of their own: a flood of them hides nobody's refusal."""
        noted = self._noted
        is_known = answer.subject is not None or answer.presented is not None
        room = noted.known if is_known else noted.strangers
        if len(room) < (_MOST_KNOWN if is_known else _MOST_STRANGERS):
            room.append((request, answer, self._clock_us() // 1_000_000))
        else:
            noted.dropped += 1

    def _tell_of_snippet(self, request: ForwardedRequest, answer: Answer) -> None:
        """Now and then: each request of a site comes with the same."""
        earlier = request.proxy is EARLIER
        now_us = self._clock_us()
        if self._snippet_told_at_us and 0 <= now_us - self._snippet_told_at_us < (_HOUR_US if earlier else _MINUTE_US):
            return
        self._snippet_told_at_us = now_us
        out = "print it again: bastion caddy snippet"
        if earlier:
            _LOG.warning("Caddy asks by the snippet of an earlier version", host=request.host, way_out=out)
        else:
            _LOG.error("Caddy asks by a snippet that does not fit", host=request.host, why=answer.reason, way_out=out)

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
