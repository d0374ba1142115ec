"""Spends from one rate limit outside of a decision."""

from collections.abc import Callable
from typing import Final

from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import Question, Spend, Spent
from gateway.core.ratelimit.gcra import Limit
from gateway.stores.redis.decisions import DecisionCalls, Functions, tell
from gateway.stores.redis.wire import bucket_key

_NUMBERS: Final = 0xFFFF_FFFF
_FIRST: Final = 0x8000_0000  # far from the numbers of decisions, which begin at 1 on the same connection


def _as_given(limit: Limit) -> Limit:
    return limit


class Buckets:
    """The same buckets and the same function as on the decision path. slot and who: core/principal/ask.py, Spend.

    in_force: the limit that counts in place of a configured one.
    """

    def __init__(self, functions: Functions, in_force: Callable[[Limit], Limit] = _as_given) -> None:
        self._functions = functions
        self._in_force = in_force
        self._calls = DecisionCalls(functions)
        self._number = _FIRST

    async def spend(self, slot: str, who: str, limit: Limit) -> Spent:
        """Raises StoreUnavailable."""
        self._number = (self._number + 1) & _NUMBERS
        reply = await self._calls.reply_to(
            Question(self._number, None, None, (Spend(slot, who, self._in_force(limit)),))
        )
        if reply is None:
            raise StoreUnavailable("a rate limit could not be asked")
        return reply.spent[0]

    async def refund(self, slot: str, who: str, limit: Limit) -> None:
        """Puts back what one spend() has cost. Raises StoreUnavailable."""
        limit = self._in_force(limit)
        key = bucket_key(Spend(slot, who, limit))
        await tell(self._functions, "refund", [key], limit.interval_us, limit.window_us)
