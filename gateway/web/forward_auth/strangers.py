"""The turn of those who bring no session of ours: a few of them whenever all else has been served.

So what is read and answered for a flood of them delays nobody who is signed in by more than those few (threats.md R6).
Where many are served before them the turn is longer, so that nobody with a session shuts strangers out.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

AT_ONCE: Final = 4
OTHERS_FOR_ONE: Final = 4
TakeTurn: TypeAlias = Callable[[], bool]


class Strangers:
    """Of one listener, the oldest first. others: who went before them since their last turn, or since one waits.

    tell: hears how many wait.
    """

    def __init__(self, tell: Callable[[int], None]) -> None:
        self.others = 0
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[TakeTurn] = deque()
        self._comes = False  # the next turn

    def wait(self, turn: TakeTurn) -> None:
        """turn is called once the event loop has looked what else there is to do; it says whether it did anything."""
        if not self._waiting:
            self.others = 0
        self._waiting.append(turn)
        self._tell(len(self._waiting))
        self._call()

    def _serve(self) -> None:
        self._comes = False
        left, self.others = max(AT_ONCE, self.others // OTHERS_FOR_ONE), 0
        try:
            while left and self._waiting:
                left -= self._waiting.popleft()()
        finally:
            self._tell(len(self._waiting))
            if self._waiting:
                self._call()

    def _call(self) -> None:
        if not self._comes:
            self._comes = True
            self._loop.call_soon(self._serve)
