"""Waits until all workers of the fleet have followed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from gateway.flows.policy.policy_fleet import Progress

_LOOK_S: Final = 0.5


async def until_done(look: Callable[[], Awaitable[Progress]], within_s: int) -> Progress:
    """The last that was seen; it is done, or within_s seconds are over."""
    progress = Progress(0, ())
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not progress.is_done:
                progress = await look()
                await asyncio.sleep(0 if progress.is_done else _LOOK_S)
    return progress
