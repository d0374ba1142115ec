"""Results of controls are deleted by whole runs, and none of the last year by anybody."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gateway.core.privacy.retention import RESULTS_STAY_S, RetentionRule, RetentionTerms
from tests.attacks.conftest import House, open_house
from tests.conftest import Pool
from tests.flows.controlled import results
from tests.flows.test_retention import retention

RESULTS = RetentionRule.CONTROL_RESULTS


@pytest.fixture
async def house(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(pool, redis_url, tmp_path) as found:
        yield found


async def test_results_of_controls_go_by_whole_runs_the_newest_stays_and_a_hold_keeps_them(house: House) -> None:
    """More of them than a batch has."""
    pool, rest = house.pool, retention(house, RetentionTerms(control_results_s=RESULTS_STAY_S))
    for run in range(1, 73):
        await results(house, run, run)
    await pool.execute("INSERT INTO holds (reason, added_by, added_at) VALUES ('', 'cli:x', 0)")
    (would,) = [one for one in await rest.dry_run() if one.rule is RESULTS]
    (held,) = await rest.run()
    await pool.execute("UPDATE holds SET lifted_at = 1")

    (done,) = await rest.run()

    assert (would.count, held.taken, done.taken) == (0, 0, 71)
    assert [row["run"] for row in await pool.fetch("SELECT run FROM control_results")] == [72, 72]


async def test_postgres_deletes_no_result_of_the_last_year_whoever_asks(house: House, superuser: Pool) -> None:
    """On the second, by its own clock. The serving role deletes none but by the function."""
    now, take = "SELECT floor(extract(epoch FROM now()))::bigint", "SELECT take_control_results($1, 35)"
    taken = []
    for pool, age_s in (
        (house.pool, RESULTS_STAY_S),
        (house.pool, RESULTS_STAY_S - 1),
        (superuser, RESULTS_STAY_S - 1),
    ):
        async with pool.acquire() as connection:
            change = connection.transaction()
            await change.start()
            at = await connection.fetchval(now)
            for run, then in ((1, at - age_s), (2, at)):
                await connection.execute(
                    "INSERT INTO control_results VALUES ($1, 'a', sha256(''), $2, 1, 'pass', '')", run, then
                )
            try:
                taken.append(await connection.fetchval(take, at))
            except asyncpg.InsufficientPrivilegeError:
                taken.append("refused")
            await change.rollback()

    assert taken == [1, "refused", "refused"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await house.pool.execute("DELETE FROM control_results WHERE at = 0")
    may = "SELECT array(SELECT r FROM unnest($1::text[]) r WHERE has_function_privilege(r, $2, 'EXECUTE'))"
    roles = ["bastion", "bastion_auditor", "bastion_backup"]
    assert await superuser.fetchval(may, roles, "take_control_results(bigint, integer)") == ["bastion"]
