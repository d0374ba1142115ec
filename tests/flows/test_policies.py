"""Policy is loaded whole or not at all; the last good one stays; the audit log has each change once."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.config.client_secrets import client_secret
from gateway.core.policy.compile import DEFAULT_LIMITS
from gateway.core.policy.facts import Refused
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.policy.policies import Policies
from gateway.scheduling import LongWork
from gateway.stores.files.policies import LastGood
from gateway.stores.files.watch import watch
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.database import make_pool
from tests.acting import acts_of
from tests.conftest import Clock, Pool

DAY_S = 86_400
GOOD = "apps: {wiki: {hosts: wiki.example.org, allow: authenticated}}\n"
BETTER = "apps: {wiki: {hosts: wiki.example.org, allow: {groups: staff}}}\n"
BROKEN = "apps: {wiki: {hosts: wiki.example.org, alow: authenticated}}\n"
ENDING = """\
apps: {wiki: {hosts: wiki.example.org, allow: {groups: staff, until: 2026-09-22}}}
tests: [{request: "GET https://wiki.example.org/", as: {user: ada, groups: staff}, expect: allow}]
"""
FAILING = GOOD + "tests: [{request: 'GET https://wiki.example.org/', expect: allow}]\n"


class Limits(dict[str, Limit]):
    """compiled: how often the default was asked for: once for each policy that is compiled. opened: lets it go on."""

    compiled = 0

    def __init__(self, limits: dict[str, Limit]) -> None:
        super().__init__(limits)
        self.opened = threading.Event()
        self.opened.set()

    def __getitem__(self, name: str) -> Limit:
        self.compiled += name == "GENERAL.SESSION"
        self.opened.wait()
        return super().__getitem__(name)


class Worker:
    """One worker's policies. enforced: what it was told to enforce, newest last."""

    def __init__(self, pool: Pool, directory: Path, data: Path) -> None:
        self.file = directory / "wiki.yaml"
        self.enforced: list[Policy] = []
        self.counted: list[str] = []
        self.clock = Clock()
        self.limits = Limits(dict(DEFAULT_LIMITS))
        self.policies = Policies(
            directory=directory,
            site=Site("auth.example.org"),
            limits=self.limits,
            last_good=LastGood(data / "last-good.json"),
            acts=acts_of(pool, self.clock),
            enforce=self.enforced.append,
            count=self.counted.append,
            secrets=client_secret,
            long_work=LongWork(),
        )


@pytest.fixture
def worker(pool: Pool, tmp_path: Path) -> Worker:
    return another(pool, tmp_path)


def another(pool: Pool, tmp_path: Path) -> Worker:
    (tmp_path / "policies").mkdir(exist_ok=True)
    return Worker(pool, tmp_path / "policies", tmp_path / "data")


async def entries(pool: Pool) -> list[tuple[str, dict[str, object]]]:
    async with pool.acquire() as connection:
        found = await Audit(connection, acts_of(pool).vault).newest(None, None, 100, since=0, after=0)
    return [(read.entry.kind, {**read.detail, **read.personal}) for read in found[::-1]]


async def test_an_accepted_change_is_enforced_and_recorded_with_its_difference(worker: Worker, pool: Pool) -> None:
    worker.file.write_text(GOOD)
    worker.policies.first()
    await worker.policies.announce()

    worker.file.write_text(BETTER)
    await worker.policies.reload()
    await worker.policies.reload()

    kinds = await entries(pool)
    assert [kind for kind, _ in kinds] == ["policy_loaded", "policy_loaded"]
    assert f"-{GOOD.strip()}" in kinds[1][1]["diff"]  # type: ignore[operator]  # a list of lines
    assert f"+{BETTER.strip()}" in kinds[1][1]["diff"]  # type: ignore[operator]  # a list of lines
    assert len(worker.enforced) == 1
    assert worker.counted == ["accepted", "accepted"]


@pytest.mark.parametrize(
    "text", [BETTER.replace("{groups: staff}", "{users: [grace.hopper]}"), BROKEN.replace("alow", "grace.hopper")]
)
async def test_a_name_in_a_policy_or_its_mistakes_is_nowhere_in_clear(worker: Worker, pool: Pool, text: str) -> None:
    """E1: the diff of a policy with `users: [grace.hopper]` stood in the log for ever."""
    worker.file.write_text(GOOD)
    worker.policies.first()
    worker.file.write_text(text)

    await worker.policies.reload()

    assert any("grace.hopper" in str(fields) for _, fields in await entries(pool))
    assert not any("grace" in str(tuple(row)) for row in await pool.fetch("SELECT * FROM audit_entries"))


@pytest.mark.parametrize("bad", [BROKEN, FAILING, "apps: [", "\0", "apps: &a {x: *a}"])
async def test_a_refused_change_changes_nothing_and_is_recorded_once(worker: Worker, pool: Pool, bad: str) -> None:
    worker.file.write_text(GOOD)
    before = worker.policies.first()

    worker.file.write_text(bad)
    await worker.policies.reload()
    await worker.policies.reload()

    assert worker.enforced == []
    assert worker.policies.current is not None
    assert worker.policies.current.policy is before
    assert worker.policies.refused.startswith("wiki.yaml:")
    assert [kind for kind, _ in await entries(pool)] == ["policy_refused"]
    worker.file.write_text(GOOD)
    await worker.policies.reload()
    assert worker.policies.refused == ""
    assert worker.counted == ["accepted", "refused", "accepted"], "the figure of stale workers goes back"


async def test_files_that_are_not_read_are_in_the_log_once_at_the_start_and_when_they_change(worker: Worker) -> None:
    worker.file.write_text(BROKEN)
    inner = worker.file.parent / "team"
    inner.mkdir()
    (inner / "a.yaml").write_text(GOOD)

    with capture_logs() as logs:
        worker.policies.first()
        await worker.policies.reload()
        (inner / "b.yaml").write_text(GOOD)
        await worker.policies.reload()
        (inner / "a.yaml").unlink()
        (inner / "b.yaml").unlink()
        await worker.policies.reload()

    assert [log["files"] for log in logs if "files" in log] == [("team/a.yaml",), ("team/a.yaml", "team/b.yaml")]


async def test_a_start_with_a_broken_policy_serves_the_last_good_one(
    worker: Worker, pool: Pool, tmp_path: Path
) -> None:
    worker.file.write_text(GOOD)
    good = worker.policies.first()
    worker.file.write_text(BROKEN)

    restarted = another(pool, tmp_path)
    found = restarted.policies.first()

    await restarted.policies.announce()

    assert found.version == good.version
    assert restarted.policies.refused
    assert restarted.policies.serves
    assert [kind for kind, _ in await entries(pool)] == ["policy_refused", "policy_loaded"]


async def test_the_last_good_policy_outlives_words_that_its_tests_may_no_longer_say(
    worker: Worker, pool: Pool, tmp_path: Path
) -> None:
    """Else an upgrade locks out everybody."""
    worker.file.write_text(GOOD)
    worker.policies.first()
    older = GOOD + "tests: [{request: 'GET https://wiki.example.org/', expect: slow_down}]\n"
    worker.file.write_text(older)
    worker.policies.last_good.write({"wiki.yaml": older})

    restarted = another(pool, tmp_path)
    found = restarted.policies.first().find("wiki.example.org", "GET", "/")

    assert "this outcome is called limited" in restarted.policies.refused
    assert not isinstance(found, Refused)


async def test_a_first_start_with_a_broken_policy_lets_nobody_in_anywhere_and_is_not_ready(
    worker: Worker, pool: Pool
) -> None:
    worker.file.write_text(BROKEN)

    found = worker.policies.first().find("wiki.example.org", "GET", "/")
    ready = worker.policies.serves
    await worker.policies.announce()
    worker.file.write_text(GOOD)
    await worker.policies.reload()

    assert isinstance(found, Refused)
    assert not ready
    assert worker.policies.serves
    assert [kind for kind, _ in await entries(pool)] == ["policy_refused", "policy_loaded"]


async def test_workers_of_a_fleet_record_a_change_once(worker: Worker, pool: Pool, tmp_path: Path) -> None:
    worker.file.write_text(GOOD)
    workers = [worker, another(pool, tmp_path), another(pool, tmp_path)]
    for one in workers:
        one.policies.first()

    await asyncio.gather(*(one.policies.announce() for one in workers))
    worker.file.write_text(BETTER)
    await asyncio.gather(*(one.policies.reload() for one in workers))

    assert [kind for kind, _ in await entries(pool)] == ["policy_loaded", "policy_loaded"]
    assert all(len(one.enforced) == 1 for one in workers)


async def test_the_event_loop_goes_on_while_a_large_policy_is_read(worker: Worker) -> None:
    worker.file.write_text(GOOD)
    worker.policies.first()
    routes = "".join(f"      r{number}: {{paths: /area{number}/**}}\n" for number in range(1_000))
    worker.file.write_text(
        f"apps:\n  wiki:\n    hosts: wiki.example.org\n    allow: authenticated\n    routes:\n{routes}"
    )

    ticks, reloading = 0, asyncio.create_task(worker.policies.reload())
    while not reloading.done():
        await asyncio.sleep(0.001)
        ticks += 1

    await reloading
    assert len(worker.enforced) == 1
    assert ticks > 10


async def test_a_policy_that_is_read_for_long_is_told_of_and_fails_nobody(worker: Worker) -> None:
    worker.file.write_text(GOOD)
    version = worker.policies.first().version
    worker.file.write_text(BETTER)
    worker.limits.opened.clear()

    reload = asyncio.create_task(worker.policies.reload())
    while worker.limits.compiled == 1:
        await asyncio.sleep(0)
    told = {}
    for seconds in (29, 1):
        worker.clock.advance(seconds)
        told[seconds] = worker.policies.detail, worker.policies.serves
    worker.limits.opened.set()
    await reload

    assert told[29] == (f"ok, version {version}", True)
    assert told[1][0].startswith(f"ok, version {version}; has been reading {worker.file.parent} for 30 s")
    assert told[1][1]
    assert worker.policies.detail == f"ok, version {worker.enforced[0].version}"


async def test_a_broken_policy_that_is_refused_is_told_of_with_what_stays(worker: Worker) -> None:
    worker.file.write_text(GOOD)
    version = worker.policies.first().version

    worker.file.write_text(BROKEN)
    await worker.policies.reload()

    assert worker.policies.detail.startswith(f"version {version} stays; refused: wiki.yaml:1:")
    assert "alow" in worker.policies.detail


async def test_what_did_not_change_is_not_compiled_again_but_its_tests_run_on_another_day(worker: Worker) -> None:
    worker.file.write_text(ENDING)
    worker.policies.first()

    await worker.policies.reload()
    same_day = worker.policies.refused
    worker.clock.advance(2 * DAY_S)
    await worker.policies.reload()
    later = worker.policies.refused
    worker.clock.advance(-2 * DAY_S)
    await worker.policies.reload()

    assert worker.limits.compiled == 1
    assert (same_day, worker.policies.refused) == ("", "")
    assert "expected allow" in later


async def test_a_restart_on_a_day_on_which_its_tests_fail_serves_what_was_accepted(
    worker: Worker, pool: Pool, tmp_path: Path
) -> None:
    worker.file.write_text(ENDING)
    worker.policies.first()

    restarted = another(pool, tmp_path)
    restarted.clock.advance(2 * DAY_S)
    policy = restarted.policies.first()

    assert not isinstance(policy.find("wiki.example.org", "GET", "/"), Refused)
    assert restarted.policies.serves
    assert "expected allow" in restarted.policies.refused


async def test_a_tightened_policy_does_not_wait_until_the_one_before_is_recorded(
    worker: Worker, database_url: str
) -> None:
    worker.file.write_text(GOOD)
    worker.policies.first()
    async with make_pool(database_url, 1) as pool, pool.acquire():  # Postgres does not answer
        worker.policies.acts = acts_of(pool, worker.clock)
        worker.file.write_text(f"{GOOD}# another\n")
        first = asyncio.create_task(worker.policies.reload())
        while not worker.enforced:
            await asyncio.sleep(0.01)
        worker.file.write_text(BETTER)
        second = asyncio.create_task(worker.policies.reload())
        while len(worker.enforced) < 2:
            await asyncio.sleep(0.01)
        assert not first.done()
    await asyncio.gather(first, second)


async def test_a_mistake_in_every_route_is_told_of_the_first_ones(worker: Worker, pool: Pool) -> None:
    worker.file.write_text(GOOD)
    worker.policies.first()
    routes = "".join(f"      r{number}: {{paths: /area{number}/**}}\n" for number in range(401))
    worker.file.write_text(f"apps:\n  wiki:\n    hosts: wiki.example.org\n    routes:\n{routes}")

    await worker.policies.reload()

    lines = worker.policies.refused.splitlines()
    assert lines[-1] == "... 1 more problems"
    assert len(lines) == 401
    assert (await entries(pool))[-1][1]["problems"] == lines


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("pipe.yaml", os.mkfifo, "pipe.yaml: expected a file"),
        ("directory.yaml", os.mkdir, "directory.yaml: expected a file"),
        ("\udcff.yaml", lambda path: Path(path).touch(), "the name of the file is not UTF-8"),
    ],
)
async def test_what_is_no_file_to_read_is_refused_with_its_name(
    worker: Worker, name: str, make: Callable[[Path], None], said: str
) -> None:
    worker.file.write_text(GOOD)
    worker.policies.first()
    make(worker.file.with_name(name))

    await worker.policies.reload()

    assert said in worker.policies.refused
    worker.policies.refused.encode()


async def test_a_change_of_a_file_is_noticed(worker: Worker, tmp_path: Path) -> None:
    worker.file.write_text(GOOD)
    worker.policies.first()
    watching = asyncio.create_task(watch(tmp_path / "policies", worker.policies.reload))
    await asyncio.sleep(0.5)

    fresh = worker.file.with_suffix(".new")
    fresh.write_text(BETTER)
    fresh.rename(worker.file)
    async with asyncio.timeout(10):
        while not worker.enforced:
            await asyncio.sleep(0.05)
    watching.cancel()

    assert [policy.version for policy in worker.enforced] == [worker.policies.current.policy.version]  # type: ignore[union-attr]  # it was loaded
