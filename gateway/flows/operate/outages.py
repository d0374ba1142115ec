"""Tells once when a store can't be used, with its cause, and once when it can be used again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from gateway.core.errors import StoreOutage

_LOOK_S: Final = 2.0
_LOG: Final = structlog.stdlib.get_logger("gateway.outages")


@dataclass(slots=True)
class Outages:
    """attempts: by store; each raises StoreOutage while its store can't be used. look_s: between two of them."""

    attempts: Mapping[str, Callable[[], Awaitable[None]]]
    look_s: float = _LOOK_S
    _since: dict[str, float] = field(default_factory=dict, init=False)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            for store, attempt in self.attempts.items():
                await self._look(store, attempt)
            await asyncio.sleep(self.look_s)

    async def _look(self, store: str, attempt: Callable[[], Awaitable[None]]) -> None:
        now = asyncio.get_running_loop().time()
        try:
            await attempt()
        except StoreOutage as error:
            if store not in self._since:
                self._since[store] = now
                outage = error.outage
                _LOG.error(
                    "store unavailable", store=store, server=outage.server, why=outage.reason, advice=outage.advice
                )
        else:
            since = self._since.pop(store, None)
            if since is not None:
                _LOG.info("store available again", store=store, after_s=round(now - since))
