"""Spends from one rate limit outside of a decision."""

from gateway.core.errors import StoreUnavailable
from gateway.core.forward.ask import Question, Spend, Spent
from gateway.core.ratelimit.gcra import Limit
from gateway.stores.redis.decisions import DecisionCalls


class Buckets:
    """The same buckets and the same function as on the decision path."""

    def __init__(self, calls: DecisionCalls) -> None:
        self._calls = calls

    async def spend(self, slot: str, who: str, limit: Limit) -> Spent:
        """slot and who as in core/forward/ask.py Spend. Raises StoreUnavailable."""
        reply = await self._calls.reply_to(Question(0, None, None, (Spend(slot, who, limit),)))
        if reply is None:
            raise StoreUnavailable("a rate limit could not be asked")
        return reply.spent[0]
