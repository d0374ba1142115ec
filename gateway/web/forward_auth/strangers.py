"""The turn of those whom nobody knows: a few of them whenever all else has been served.

So what is read and answered for a flood of them delays nobody who is signed in by more than those few (threats.md R6).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

AT_ONCE: Final = 4
Turn: TypeAlias = Callable[[], None]


class Strangers:
    """Of one listener, the oldest first."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Turn] = deque()
        self._comes = False  # the next turn

    def wait(self, turn: Turn) -> None:
        """turn is called once the event loop has looked what else there is to do."""
        self._waiting.append(turn)
        self._call()

    def _serve(self) -> None:
        self._comes = False
        try:
            for _ in range(min(len(self._waiting), AT_ONCE)):
                self._waiting.popleft()()
        finally:
            if self._waiting:
                self._call()

    def _call(self) -> None:
        if not self._comes:
            self._comes = True
            self._loop.call_soon(self._serve)
