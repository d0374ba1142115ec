"""A policy is in force everywhere when every worker of the fleet says so (threats.md Y4)."""

from pathlib import Path

import pytest

from gateway.flows.policy.policy_fleet import PolicyBeat, PolicyFleet
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.policy_workers import PolicyWorkers
from tests.conftest import Pool
from tests.flows.test_policies import BETTER, BROKEN, GOOD, Worker, another


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """A table is renamed, so that Postgres lacks it."""
    return own_database_url


def begun(pool: Pool, directory: Path, node: str, number: int = 0, text: str = GOOD) -> tuple[Worker, PolicyBeat]:
    """A worker that has read its own node's files."""
    directory.mkdir(exist_ok=True)
    worker = another(pool, directory)
    worker.file.write_text(text)
    worker.policies.first()
    return worker, PolicyBeat(pool, worker.policies, node, number)


def version_of(worker: Worker) -> str:
    assert worker.policies.current is not None
    return worker.policies.current.policy.version


async def test_a_wish_is_done_when_every_worker_has_read_the_same_files(pool: Pool, tmp_path: Path) -> None:
    (one, first), (two, second) = begun(pool, tmp_path / "a", "a"), begun(pool, tmp_path / "b", "b")
    for beat in (first, second):
        await beat.beat()
    for worker in (one, two):
        worker.file.write_text(BETTER)
    fleet = PolicyFleet(pool)

    wish = await fleet.wish()
    await first.beat()
    wanted = version_of(one)
    half = await fleet.progress(wanted, wish)
    await second.beat()
    whole = await fleet.progress(wanted, wish)

    assert version_of(two) == wanted
    assert (half.is_done, half.behind) == (False, ["b, worker 0: has not read it yet"])
    assert (whole.is_done, whole.workers) == (True, 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [(BROKEN, "refused it and serves version {old}: "), (GOOD + "# other\n", "has other files: version ")],
)
async def test_a_node_with_other_files_is_named_with_what_ails_it(
    pool: Pool, tmp_path: Path, text: str, why: str
) -> None:
    (one, first), (two, second) = begun(pool, tmp_path / "a", "a"), begun(pool, tmp_path / "b", "b", 3)
    await first.beat()
    await second.beat()
    old = version_of(two)
    one.file.write_text(BETTER)
    two.file.write_text(text)

    wish = await PolicyFleet(pool).wish()
    await first.beat()
    await second.beat()
    progress = await PolicyFleet(pool).progress(version_of(one), wish)

    (behind,) = progress.behind
    assert behind.startswith("b, worker 3: " + why.format(old=old))
    assert not progress.is_done


async def test_who_is_silent_may_still_serve_the_old_one_until_it_is_forgotten(pool: Pool, tmp_path: Path) -> None:
    (one, first), (_, second) = begun(pool, tmp_path / "a", "a"), begun(pool, tmp_path / "b", "b")
    fleet = PolicyFleet(pool)
    wish = await fleet.wish()
    await first.beat()
    await second.beat()
    assert (await fleet.progress(version_of(one), wish)).is_done

    async def seen(seconds_ago: int) -> list[str]:
        await pool.execute(
            "UPDATE policy_workers SET seen_at = now() - make_interval(secs => $1) WHERE node = 'b'", seconds_ago
        )
        await first.beat()
        return list((await fleet.progress(version_of(one), wish)).behind)

    assert await seen(9) == []
    (silent,) = await seen(12)
    assert silent.startswith("b, worker 0: not heard of for 12 s; it may still serve version ")
    assert len(await seen(3_590)) == 1
    assert await seen(3_610) == []
    assert (await fleet.progress(version_of(one), wish)).workers == 1


async def test_who_ends_is_not_waited_for(pool: Pool, tmp_path: Path) -> None:
    (one, first), (_, second) = begun(pool, tmp_path / "a", "a"), begun(pool, tmp_path / "a", "a", 1)
    await first.beat()
    await second.beat()

    await second.end()

    assert (await PolicyFleet(pool).progress(version_of(one), 0)).workers == 1


async def test_a_fleet_of_nobody_enforces_nothing(pool: Pool) -> None:
    assert not (await PolicyFleet(pool).progress("any", 0)).is_done


@pytest.mark.parametrize(("seconds_ago", "reads"), [(50, True), (70, False)])
async def test_a_wish_while_a_worker_started_is_its_own_too(
    pool: Pool, tmp_path: Path, seconds_ago: int, reads: bool
) -> None:
    """It has read the files before, maybe; of an older wish it has read what was wished."""
    worker, beat = begun(pool, tmp_path / "a", "a")
    before = version_of(worker)
    worker.file.write_text(BETTER)
    await PolicyFleet(pool).wish()
    await pool.execute("UPDATE policy_wishes SET wished_at = now() - make_interval(secs => $1)", seconds_ago)

    await beat.beat()

    assert (version_of(worker) != before) is reads


async def test_files_are_read_once_for_a_wish(pool: Pool, tmp_path: Path) -> None:
    worker, beat = begun(pool, tmp_path / "a", "a")
    await beat.beat()
    await PolicyFleet(pool).wish()
    await beat.beat()
    worker.file.write_text(BETTER)
    before = version_of(worker)

    await beat.beat()

    assert version_of(worker) == before
    async with pool.acquire() as connection:
        (row,) = await PolicyWorkers(connection).all(60)
    assert row.version == before


async def test_without_postgres_a_beat_says_so_and_the_next_one_is_whole(
    pool: Pool, superuser: Pool, tmp_path: Path
) -> None:
    worker, beat = begun(pool, tmp_path / "a", "a")
    await beat.beat()
    await PolicyFleet(pool).wish()
    worker.file.write_text(BETTER)
    await superuser.execute("ALTER TABLE policy_workers RENAME TO away")
    with pytest.raises(RecordUnavailable):
        await beat.beat()
    await superuser.execute("ALTER TABLE away RENAME TO policy_workers")

    await beat.beat()

    async with pool.acquire() as connection:
        (row,) = await PolicyWorkers(connection).all(60)
    assert (row.version, row.wish) == (version_of(worker), 1)
