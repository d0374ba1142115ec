"""A connection to Redis for as long as a block lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TypeVar


class Runs(Protocol):
    """Pipeline, and both kinds of Functions."""

    async def ready(self) -> None: ...

    async def run(self) -> None: ...


T = TypeVar("T", bound=Runs)


@asynccontextmanager
async def running(connection: T) -> AsyncIterator[T]:
    """Its first attempt to connect has ended, well or not."""
    task = asyncio.create_task(connection.run())
    try:
        await connection.ready()
        yield connection
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
