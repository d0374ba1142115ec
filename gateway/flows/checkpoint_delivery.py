"""Brings checkpoints of the audit log to a webhook: in order, again and again until it takes them, in nobody's way."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from gateway.webhook import Undelivered

MOST_WAITING: Final = 1_000  # about 17 hours of one in a minute
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_MOST_DOUBLINGS: Final = 16
_LOG: Final = structlog.stdlib.get_logger("gateway.checkpoint_delivery")


@dataclass(slots=True)
class CheckpointDelivery:
    """post: raises Undelivered. count: hears delivered, failed or dropped.

    Where too many wait the oldest are dropped: each newer one vouches for all of the log that those before it did.
    """

    post: Callable[[str], Awaitable[None]]
    count: Callable[[str], None]
    first_pause_s: float = _FIRST_PAUSE_S
    _waiting: deque[str] = field(default_factory=deque, init=False)
    _some: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _failures: int = field(default=0, init=False)

    def offer(self, body: str) -> None:
        """Never waits. body: a line of checkpoints.jsonl."""
        self._waiting.append(body)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self.count("dropped")
        self._some.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._some.wait()
            await self._deliver(self._waiting[0])
            if self._failures:
                await asyncio.sleep(pause_s(self._failures, self.first_pause_s))

    async def _deliver(self, body: str) -> None:
        """Complains when it begins to fail, and tells when that is over."""
        try:
            await self.post(body)
        except Undelivered as error:
            self.count("failed")
            if not self._failures:
                _LOG.error("the webhook does not take checkpoints of the audit log", why=str(error))
            self._failures += 1
            return
        self.count("delivered")
        self._remove(body)
        if self._failures:
            _LOG.info("the webhook takes checkpoints again", waiting=len(self._waiting))
        self._failures = 0

    def _remove(self, body: str) -> None:
        """While it was on its way newer ones may have pushed it out."""
        if self._waiting and self._waiting[0] is body:
            self._waiting.popleft()
        if not self._waiting:
            self._some.clear()


def pause_s(failures: int, first_s: float = _FIRST_PAUSE_S) -> float:
    """After so many failures in a row, at least one."""
    return min(first_s * (1 << min(failures - 1, _MOST_DOUBLINGS)), _LONGEST_PAUSE_S)
