"""How long the second one waits for a first one that is ending."""

import time
from collections.abc import Callable
from typing import Final

_ENDING_S: Final = 1.5  # what a server that was killed has started closes its sockets within a second
_LOOK_S: Final = 0.05


def still_in_use(look: Callable[[], str]) -> str:
    """look: says what is in use, "" for nothing. What it still says when patience ends."""
    deadline = time.monotonic() + _ENDING_S
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    return found
