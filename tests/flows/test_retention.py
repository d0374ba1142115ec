"""Retention takes what is a second too old and nothing younger, says beforehand what it will take, and minds holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from gateway.core.privacy.periods import month_of
from gateway.core.privacy.retention import RetentionRule, RetentionTerms
from gateway.core.units import DAY_S
from gateway.flows.people.users import Newcomer
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.flows.privacy.retention import Retention
from gateway.stores.postgres.retention import RetentionRows
from tests.attacks.conftest import PASSWORD, House, open_house
from tests.conftest import Pool
from tests.core.forward.setting import KEYS

KEPT_S = 90 * DAY_S
TERMS = RetentionTerms(KEPT_S, 400 * DAY_S)
LOGINS, MONTHS = RetentionRule.ENDED_LOGINS, RetentionRule.AUDIT_PERSONAL


@pytest.fixture
async def house(pool: Pool, redis_url: str, tmp_path: object) -> AsyncIterator[House]:
    async with open_house(pool, redis_url, tmp_path) as found:  # type: ignore[arg-type]  # pytest's own path
        yield found


async def now_of(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT floor(extract(epoch FROM now()))::bigint"))


async def login(pool: Pool, user_id: UUID, ended_s_ago: int | None, expires_in_s: int = 3600) -> bytes:
    """As flows leave one; ended_s_ago None: it did not end."""
    login_id, now = uuid4().bytes, await now_of(pool)
    ended = None if ended_s_ago is None else now - ended_s_ago
    await pool.execute(
        "INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, ended_at,"
        " ended_why, sealed) VALUES ($1, $2, 0, true, 2000000000, $3, 0, $4, $5, '')",
        login_id, user_id, now + expires_in_s, ended, None if ended is None else "logout",
    )  # fmt: skip
    return login_id


async def left(pool: Pool) -> set[bytes]:
    return {row["id"] for row in await pool.fetch("SELECT id FROM logins")}


def retention(house: House, terms: RetentionTerms = TERMS) -> Retention:
    nowhere = Path("/nonexistent")  # the ledger is the leader's
    return Retention(Erasure(house.acts, KEYS, NodeFiles(nowhere, nowhere)), terms)


async def person(house: House, name: str = "ada") -> UUID:
    return await house.admin.add(Newcomer(name, "", "", ()), PASSWORD)


async def test_a_login_goes_when_it_is_a_second_too_old_and_the_dry_run_says_so(house: House) -> None:
    ada, pool = await person(house), house.pool
    old = await login(pool, ada, KEPT_S + 5)
    ran_out = await login(pool, ada, None, -KEPT_S - 5)
    young = {
        await login(pool, ada, KEPT_S - 60),
        await login(pool, ada, None, -KEPT_S + 60),
        await login(pool, ada, None),
    }

    would = {one.rule: one.count for one in await retention(house).dry_run()}
    before = await left(pool)
    done = {one.rule: one.taken for one in await retention(house).run()}

    assert before == {old, ran_out} | young, "a dry run takes nothing"
    assert would[LOGINS] == done[LOGINS] == 2
    assert await left(pool) == young
    assert {(one.rule, one.taken) for one in await retention(house).status()} == {(LOGINS, 2), (MONTHS, 0)}


async def test_a_grant_that_lives_keeps_its_login_and_a_hold_its_persons(house: House) -> None:
    ada, grace, pool = await person(house), await person(house, "grace"), house.pool
    kept = {await login(pool, ada, KEPT_S + 5), await login(pool, grace, KEPT_S + 5)}
    now = await now_of(pool)
    await pool.execute(
        "INSERT INTO grants (id, kind, client, user_id, login_id, scope, resource, authenticated_at, mfa_at, amr,"
        " jkt, generation, rotated_at, created_at, expires_at, idle_s, last_used_at)"
        " SELECT $1, 'offline', 'spa', user_id, id, '{openid}', 'x', 0, 0, '{pwd}', '', 1, 0, 0, $2, 3600, 0"
        " FROM logins WHERE user_id = $3",
        uuid4().bytes, now + DAY_S, ada,
    )  # fmt: skip
    await pool.execute("INSERT INTO holds (user_id, reason, added_by, added_at) VALUES ($1, '', 'cli:root', 0)", grace)

    done = await retention(house).run()

    assert [one.taken for one in done] == [0, 0]
    assert await left(pool) == kept
    await pool.execute("UPDATE grants SET ended_at = $1, ended_why = 'revoked'", now)
    await pool.execute("UPDATE holds SET lifted_at = $1", now)
    assert (await retention(house).run())[0].taken == 2
    assert await left(pool) == set()


async def test_a_month_of_the_log_becomes_unreadable_and_not_the_one_after(house: House) -> None:
    await person(house)
    pool, now = house.pool, await now_of(house.pool)
    edge = month_of(now - TERMS.audit_personal_s)  # type: ignore[operator]  # it is a number here
    year, number = map(int, edge.split("-"))
    before = f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}"
    for month in (before, edge):
        await pool.execute("INSERT INTO audit_period_keys (month, wrapped) VALUES ($1, 'x')", month)

    would = {one.rule: one.count for one in await retention(house).dry_run()}
    done = {one.rule: one.taken for one in await retention(house).run()}

    kept = {row["month"]: row["wrapped"] is not None for row in await pool.fetch("SELECT * FROM audit_period_keys")}
    assert would[MONTHS] == done[MONTHS] == 1
    assert (kept[before], kept[edge], kept[month_of(now)]) == (False, True, True)


async def test_a_run_that_was_killed_leaves_no_search_terms_behind(house: House) -> None:
    """It ends while it waits for a term, and the next run finds the month again."""
    await person(house)
    pool = house.pool
    await pool.execute("INSERT INTO audit_period_keys (month, wrapped) VALUES ('1970-01', 'x')")
    entry = await pool.fetchval(
        "INSERT INTO audit_entries (kind, at, actor, detail, personal, request_id)"
        " VALUES ('login_failed', 0, '', '{}', '', '') RETURNING id"
    )
    await pool.execute("INSERT INTO audit_terms (term, entry_id) VALUES ($1, $2)", b"t" * 32, entry)
    hold = await pool.fetchval("INSERT INTO holds (reason, added_by, added_at) VALUES ('', 'cli:root', 0) RETURNING id")
    rows = RetentionRows(pool)  # type: ignore[arg-type]  # each statement by itself
    now = await now_of(pool)

    assert (await rows.take_terms("1970-01", now), await rows.destroy_month("1970-01", now)) == (0, False)
    await pool.execute("UPDATE holds SET lifted_at = $1 WHERE id = $2", now, hold)
    async with pool.acquire() as locker, locker.transaction():
        await locker.execute("SELECT FROM audit_terms FOR UPDATE")
        running = asyncio.ensure_future(retention(house).run())
        await asyncio.sleep(1)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    await retention(house).run()

    assert await pool.fetchval("SELECT wrapped FROM audit_period_keys WHERE month = '1970-01'") is None
    assert await pool.fetchval("SELECT count(*) FROM audit_terms WHERE entry_id = $1", entry) == 0


async def test_a_clock_that_was_set_ahead_takes_nothing(house: House) -> None:
    ada, pool = await person(house), house.pool
    old = await login(pool, ada, KEPT_S + 5)
    house.there.now += DAY_S
    await house.admin.set_groups("ada", ("staff",))

    done = await retention(house).run()

    assert [(one.taken, bool(one.stopped)) for one in done] == [(0, True), (0, True)]
    assert old in await left(pool)


async def test_the_leader_runs_it_once_a_day(house: House) -> None:
    ada, pool = await person(house), house.pool
    await retention(house).work()
    old = await login(pool, ada, KEPT_S + 5)

    await retention(house).work()

    assert old in await left(pool)


@pytest.mark.parametrize("statement", ["UPDATE retention_runs SET taken = 0", "DELETE FROM retention_runs"])
async def test_the_serving_role_changes_no_run(house: House, statement: str) -> None:
    await retention(house).run()

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await house.pool.execute(statement)
