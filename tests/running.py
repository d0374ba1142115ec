"""A connection to Redis for as long as a block lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gateway.stores.redis.pipeline import Pipeline


@asynccontextmanager
async def running(pipeline: Pipeline) -> AsyncIterator[Pipeline]:
    """Its first attempt to connect has ended, well or not."""
    task = asyncio.create_task(pipeline.run())
    try:
        await pipeline.ready()
        yield pipeline
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
