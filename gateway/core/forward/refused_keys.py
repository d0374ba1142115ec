"""Owns how many refused API keys an address may bring before it hears 429: AUTH.KEY."""

from typing import Final

from gateway.core.forward.decision import Decision, Limited, Unauthorized
from gateway.core.forward.request import ForwardedRequest
from gateway.core.principal.ask import Spent
from gateway.core.ratelimit.gcra import Limit, Per, spend
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.remembered import Remembered

_MOST_ADDRESSES: Final = 8192
DEFAULT_LIMIT: Final = Limit("AUTH.KEY", 10, 60_000_000, 10, Per.IP)


class RefusedKeys:
    """Counts refused keys by address, in this worker alone: a flood of them asks no store.

    A live key at one of its hosts is not counted, and this limit never refuses it, whatever else came from its address.
    At another host it is counted.
    """

    def __init__(self, limit: Limit = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._full_at_us = Remembered[str, int](_MOST_ADDRESSES)

    def counted(self, decision: Decision, request: ForwardedRequest, names: BucketNames, now_us: int) -> Decision:
        """429 in place of the refusal where too many came before."""
        if not isinstance(decision, Unauthorized) or decision.fault is None or not decision.fault.of_key:
            return decision
        if decision.fault.of_stranger and decision.route.respond.anonymous == "404":
            return decision  # 429 would say that something is there
        who = names.of_address(request.address)
        verdict = spend(self.limit, self._full_at_us.get(who) or 0, now_us)
        if verdict.allowed:
            self._full_at_us.keep(who, verdict.full_at_us)
            return decision
        state = Spent(False, verdict.retry_after_us, 0, max(0, verdict.full_at_us - now_us))
        return Limited(decision.route, self.limit, state)
