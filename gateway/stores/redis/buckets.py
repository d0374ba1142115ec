"""Spends from one rate limit outside of a decision."""

import asyncio

from gateway.core.errors import StoreUnavailable
from gateway.core.forward.ask import Question, Reply, Spend, Spent
from gateway.core.ratelimit.gcra import Limit
from gateway.stores.redis.decisions import DecisionCalls


class Buckets:
    """The same buckets and the same function as on the decision path."""

    def __init__(self, calls: DecisionCalls) -> None:
        self._calls = calls

    async def spend(self, slot: str, who: str, limit: Limit) -> Spent:
        """slot and who as in core/forward/ask.py Spend. Raises StoreUnavailable."""
        answered: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()

        def done(reply: Reply | None) -> None:
            if not answered.done():
                answered.set_result(reply)

        self._calls.ask(Question(0, None, None, (Spend(slot, who, limit),)), done)
        reply = await answered
        if reply is None:
            raise StoreUnavailable("a rate limit could not be asked")
        return reply.spent[0]
