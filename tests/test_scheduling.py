"""Long work goes on beside the event loop, under the policies of sched(7) that were found."""

import asyncio
import gc
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from gateway.scheduling import LongWork, wait_for_free_cores


@pytest.fixture
def batch() -> Iterator[LongWork]:
    """As a worker has it."""
    yield LongWork(batch=wait_for_free_cores(0))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def state() -> tuple[int, bool]:
    return os.sched_getscheduler(0), gc.isenabled()


def test_a_policy_that_somebody_has_set_stays() -> None:
    process = subprocess.Popen(["sleep", "60"])
    os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))

    assert not wait_for_free_cores(process.pid)

    assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
    process.kill()
    process.wait()


async def test_the_loop_goes_on_beside_long_work() -> None:
    ends = asyncio.get_running_loop().time() + 60

    def work() -> int:
        while ticks < 10 and time.monotonic() < ends:
            pass
        return ticks

    ticks, running = 0, asyncio.create_task(LongWork().aside(work))
    while not running.done():
        await asyncio.sleep(0.001)
        ticks += 1

    assert await running >= 10


async def test_meanwhile_the_loop_is_woken_at_once_and_nothing_is_collected(batch: LongWork) -> None:
    short, long = (asyncio.create_task(batch.aside(lambda s=s: time.sleep(s))) for s in (0.02, 0.2))  # type: ignore[misc]  # a default
    await asyncio.sleep(0.01)
    both = state()
    await short
    one = state()
    await long

    assert both == one == (os.SCHED_OTHER, False)
    assert state() == (os.SCHED_BATCH, True)


async def test_work_that_fails_leaves_all_as_it_was(batch: LongWork) -> None:
    with pytest.raises(ZeroDivisionError):
        await batch.aside(lambda: 1 // 0)

    assert state() == (os.SCHED_BATCH, True)


async def test_a_policy_from_outside_is_not_touched_by_long_work(batch: LongWork) -> None:  # noqa: ARG001 - it sets it
    running = asyncio.create_task(LongWork().aside(lambda: time.sleep(0.05)))
    await asyncio.sleep(0.01)

    assert state() == (os.SCHED_BATCH, False)
    await running
    assert state() == (os.SCHED_BATCH, True)


async def test_what_long_work_has_made_is_no_young_garbage() -> None:
    made = await LongWork().aside(lambda: [[number] for number in range(50_000)])

    gc.disable()
    young = len(gc.get_objects(0)) + len(gc.get_objects(1))
    assert young < len(made) < len(gc.get_objects(2))
    gc.enable()
