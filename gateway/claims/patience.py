"""How long the second one waits for a first one that is ending."""

import time
from collections.abc import Callable
from typing import Final

ENDING_S: Final = 1.5  # the workers of a server that was killed close their sockets within a second
DRAINING_S: Final = 3.0  # one that shuts down closes its sockets at once, and then answers what is under way
_LOOK_S: Final = 0.05


def still_in_use(look: Callable[[], str], patience_s: float) -> str:
    """look: says what is in use, "" for nothing. What it still says when patience ends."""
    deadline = time.monotonic() + patience_s
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    return found
