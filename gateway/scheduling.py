"""Owns who goes first on a core: other processes before a worker, and a worker's questions before its long work."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")


def wait_for_free_cores(pid: int) -> None:
    """Linux's batch policy (sched(7)) for a process, 0 for this one: whoever wakes it goes on first.

    Elsewhere nothing happens, nor where somebody has set another policy. Raises OSError where a sandbox forbids it.
    """
    if sys.platform == "linux" and os.sched_getscheduler(pid) == os.SCHED_OTHER:
        os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


async def aside(work: Callable[[], T]) -> T:
    """Long work in a thread, while the event loop answers. Raises what work raises."""
    with _woken_at_once(), _uncollected():
        return await asyncio.to_thread(work)


@contextmanager
def _woken_at_once() -> Iterator[None]:
    """Of this thread alone: under the batch policy it would wait for a tick of the clock whenever another runs.

    Threads that begin meanwhile have the same policy, so they share the core. Where a sandbox forbids it, we wait.
    """
    batch = sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_BATCH
    with suppress(OSError):
        if batch:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    try:
        yield
    finally:
        with suppress(OSError):
            if batch:
                wait_for_free_cores(0)


@contextmanager
def _uncollected() -> Iterator[None]:
    """The collector stops everybody, and would walk over all that is being built again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
