"""SIGHUP on a real arbiter: all workers are replaced, or none, whatever dies meanwhile."""

import asyncio
import os
import signal

import pytest

from tests.exhaustive import sampled
from tests.serve.conftest import CONFIG, Server, until


async def test_hup_replaces_the_workers_without_a_refused_request(server: Server) -> None:
    before = await server.pids(2)
    slow = asyncio.create_task(server.get("web", "/slow"))
    await asyncio.sleep(0.1)

    server.process.send_signal(signal.SIGHUP)

    async def all_new() -> bool:
        return not await server.pids(2) & before

    assert await until(all_new)
    assert await slow == (200, "whole")
    assert "Traceback" not in (server.directory / "log").read_text()


async def test_workers_take_a_core_when_it_is_free_unless_they_are_told_otherwise(server: Server) -> None:
    at_first = {os.sched_getscheduler(pid) for pid in server.workers}
    server.write_config(CONFIG + "  scheduling: normal\nredis: {{timeout_ms: 779}}\n")

    server.process.send_signal(signal.SIGHUP)

    assert await until(lambda: server.all_have(779))
    assert at_first == {os.SCHED_BATCH}
    assert {os.sched_getscheduler(pid) for pid in server.workers} == {os.SCHED_OTHER}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("workers: {workers}", "wrkers: 7"), "did you mean `workers`"),
        (("web.sock", "other.sock"), "only at a restart"),
    ],
)
async def test_hup_with_a_broken_configuration_keeps_the_workers(
    server: Server, change: tuple[str, str], words: str
) -> None:
    before = await server.pids(2)
    server.write_config(CONFIG.replace(*change))

    server.process.send_signal(signal.SIGHUP)

    async def said() -> bool:
        return words in (server.directory / "log").read_text()

    assert await until(said)
    await asyncio.sleep(1)
    assert await server.pids(2) == before


async def test_workers_that_cannot_start_leave_the_old_ones_until_they_can(server: Server) -> None:
    before = await server.pids(2)
    broken = server.directory / "config.yaml.broken"
    broken.touch()

    server.process.send_signal(signal.SIGHUP)

    async def failed() -> bool:
        return (server.directory / "log").read_text().count("this worker cannot start") >= 2

    assert await until(failed)
    await asyncio.sleep(2)
    assert await server.pids(2) == before
    assert len(server.workers) <= 3, "they try one at a time"
    broken.unlink()

    async def all_new() -> bool:
        return not await server.pids(2) & before

    assert await until(all_new)


async def reload(server: Server, timeout_ms: int) -> None:
    """timeout_ms: the mark of this configuration, which each worker tells."""
    server.write_config(CONFIG + f"redis:\n  timeout_ms: {timeout_ms}\n")
    server.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("moment", sampled(["at its birth", "when it serves", "while it starts"]))
@pytest.mark.parametrize("kills", sampled([3, 1], 1))
async def test_a_young_worker_that_is_killed_leaves_no_old_one(server: Server, moment: str, kills: int) -> None:
    """Each time the youngest is killed as soon as it has come to that moment."""
    old = server.workers
    await reload(server, 777)

    killed = set[int]()
    async with asyncio.timeout(30):
        while len(killed) < kills:
            for young in sorted(server.workers - old - killed):
                await asyncio.sleep(0.15 if moment == "while it starts" else 0)
                if moment == "when it serves" and not await server.serves(young):
                    continue
                os.kill(young, signal.SIGKILL)
                killed.add(young)
                break
            assert (await server.get("web", "/who"))[0] == 200
            await asyncio.sleep(0.01)

    assert await until(lambda: server.all_have(777))
    assert not server.workers & old


async def test_old_workers_that_are_killed_meanwhile_are_no_loss(server: Server) -> None:
    await reload(server, 778)
    for pid in sorted(server.workers):
        os.kill(pid, signal.SIGKILL)

    assert await until(lambda: server.all_have(778))


async def test_the_last_of_many_reloads_is_the_one_in_force(server: Server) -> None:
    """They come faster than workers end; each but the last is left behind, and what was under way is answered."""
    slow = []
    for number in range(800, 830):
        await reload(server, number)
        slow += [asyncio.create_task(server.get("web", "/slow")) for _ in range(3)]
        await asyncio.sleep(0.05)

    assert await asyncio.gather(*slow) == [(200, "whole")] * len(slow)
    assert await until(lambda: server.all_have(829))
    assert server.process.poll() is None


async def test_more_workers_than_there_are_places_for_need_a_restart(server: Server) -> None:
    before = await server.pids(2)
    server.write_config(CONFIG.replace("{workers}", "200"))

    server.process.send_signal(signal.SIGHUP)

    async def said() -> bool:
        return bool(server.logged("so many workers need a restart, the last good configuration stays"))

    assert await until(said)
    (line,) = server.logged("so many workers need a restart, the last good configuration stays")
    assert (line["workers"], line["most"]) == (200, 2 * max(2, os.cpu_count() or 1))
    assert await server.pids(2) == before
