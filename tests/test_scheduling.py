"""Long work goes on beside the event loop, under the policies of sched(7) that were found."""

import asyncio
import gc
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from gateway.scheduling import aside, wait_for_free_cores


@pytest.fixture
def batch() -> Iterator[None]:
    wait_for_free_cores(0)
    yield
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def test_a_policy_that_somebody_has_set_stays() -> None:
    process = subprocess.Popen(["sleep", "60"])
    os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))

    wait_for_free_cores(process.pid)

    assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
    process.kill()
    process.wait()


async def test_the_loop_goes_on_beside_long_work() -> None:
    ends = asyncio.get_running_loop().time() + 60

    def work() -> int:
        while ticks < 10 and time.monotonic() < ends:
            pass
        return ticks

    ticks, running = 0, asyncio.create_task(aside(work))
    while not running.done():
        await asyncio.sleep(0.001)
        ticks += 1

    assert await running >= 10


@pytest.mark.usefixtures("batch")
async def test_meanwhile_the_loop_is_woken_at_once_and_nothing_is_collected() -> None:
    running = asyncio.create_task(aside(lambda: time.sleep(0.05)))
    await asyncio.sleep(0.01)
    during = os.sched_getscheduler(0), gc.isenabled()
    await running

    assert during == (os.SCHED_OTHER, False)
    assert (os.sched_getscheduler(0), gc.isenabled()) == (os.SCHED_BATCH, True)


@pytest.mark.usefixtures("batch")
async def test_work_that_fails_leaves_all_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)

    assert (os.sched_getscheduler(0), gc.isenabled()) == (os.SCHED_BATCH, True)
