"""Says when a directory changes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchfiles import awatch

_DEBOUNCE_MS: Final = 200
_MISSING_S: Final = 2.0


async def watch(directory: Path, changed: Callable[[], Awaitable[None]]) -> None:
    """Until it is cancelled. A directory that is not there is waited for."""
    while True:
        await changed()
        with suppress(FileNotFoundError):
            async for _ in awatch(directory, debounce=_DEBOUNCE_MS, recursive=False, ignore_permission_denied=True):
                await changed()
        await asyncio.sleep(_MISSING_S)
