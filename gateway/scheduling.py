"""Owns who goes first on a core: other processes before a worker, and a worker's questions before its long work."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def wait_for_free_cores(pid: int) -> bool:
    """Linux's batch policy (sched(7)) for a process, 0 for this one: whoever wakes it goes on first.

    Whether it was set: not elsewhere, nor where somebody has set another policy. Raises OSError where a sandbox
    forbids it.
    """
    if sys.platform != "linux" or os.sched_getscheduler(pid) != os.SCHED_OTHER:
        return False
    os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
    return True


class LongWork:
    """Of one process, whose event loop answers meanwhile.

    batch: wait_for_free_cores has set it for the thread of the event loop. Under that policy it would wait for a tick
    of the clock whenever the other thread runs, so it has the ordinary one for that time; so have threads that are
    born then. A policy that somebody else has set stays.
    """

    def __init__(self, *, batch: bool = False) -> None:
        self._batch = batch
        self._running = 0

    async def aside(self, work: Callable[[], T]) -> T:
        """In a thread. Raises what work raises."""
        with self._apart():
            return await asyncio.to_thread(work)

    @contextmanager
    def _apart(self) -> Iterator[None]:
        self._running += 1
        if self._running == 1:
            self._begin()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._end()

    def _begin(self) -> None:
        gc.disable()  # it stops everybody, and would walk over all that is being built again and again
        if self._batch:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def _end(self) -> None:
        if self._batch:
            wait_for_free_cores(0)
        gc.freeze()  # and back into the oldest generation, which is rarely looked at: the work is no young garbage
        gc.unfreeze()
        gc.enable()
