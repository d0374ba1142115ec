"""Each control fails when its fault is brought about, and passes when it is mended; nothing passes by silence."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from redis.asyncio import Redis

from gateway.core.compliance.controls import BY_ID, CONTROLS, digest_of_run
from gateway.core.units import DAY_S
from gateway.flows.compliance.levels import control_states
from gateway.flows.compliance.report import Compliance
from gateway.stores.postgres.controls import QUERIES
from gateway.stores.redis.access import NEEDED
from gateway.stores.redis.pipeline import Pipeline
from tests.acl import rules
from tests.attacks.conftest import House, open_house
from tests.conftest import Pool
from tests.core.policy.build import policy_of
from tests.databases import superuser_url
from tests.flows.controlled import EVERY_S, FAULTS, GOOD, judged, run_of, state
from tests.running import running

# Those with a test of their own below.
APART: Final = {
    "linker-on-time", "changes-have-actor", "default-deny", "roles-separated", "redis-limited", "attempts-counted",
    "policy-tests-run", "standby-synchronous", "data-map-complete", "clocks-agree", "exports-on-time",
}  # fmt: skip


@pytest.fixture
async def house(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(pool, redis_url, tmp_path) as found:
        yield found


async def do(house: House, statements: str) -> None:
    for statement in statements.format(now=house.there.now).split("; "):
        await house.pool.execute(statement)


def test_every_control_is_tried() -> None:
    assert set(FAULTS) | APART == set(BY_ID)
    assert len(CONTROLS) == len(BY_ID) == 28
    assert set(QUERIES) < set(BY_ID)


@pytest.mark.parametrize("control", FAULTS)
async def test_a_control_fails_by_its_fault_and_passes_when_mended(house: House, control: str) -> None:
    fault, mend = FAULTS[control]
    await house.add("ada")

    await do(house, fault)
    faulty = await judged(house, control)
    await do(house, mend)

    assert faulty.result.value == "fail"
    assert json.loads(faulty.evidence)["found"] >= 1
    assert await state(house, control) == "pass"


@pytest.mark.parametrize("control", ["chain-verified", "cross-check-clean", "config-same-on-nodes", "retention-ran"])
async def test_what_nobody_has_looked_at_is_unknown(house: House, control: str) -> None:
    assert await state(house, control) == "unknown"


@pytest.mark.parametrize("control", ["endpoints-failing", "owners-with-passkey", "api-key-age", "consent-current"])
async def test_a_feature_without_anything_in_it_is_not_applicable(house: House, control: str) -> None:
    assert await state(house, control) == "not_applicable"
    assert await state(house, "retention-ran", off=frozenset({"retention-ran"})) == "not_applicable"
    assert await state(house, "exports-on-time") == "not_applicable"


async def test_a_rule_of_retention_that_was_turned_off_fails_nothing_by_its_old_runs(house: House) -> None:
    await do(house, FAULTS["retention-ran"][0])
    await do(house, FAULTS["retention-ran"][1].replace("ended_logins", "deliveries"))

    on, off = await state(house, "retention-ran"), await state(house, "retention-ran", retention_rules=("deliveries",))

    assert (on, off) == ("fail", "pass")


async def test_a_linker_that_is_late_fails(house: House) -> None:
    await house.add("ada")
    on_time = await state(house, "linker-on-time")
    house.there.now += 61

    late = await state(house, "linker-on-time")
    await house.pool.execute("DELETE FROM audit_queue")

    assert (on_time, late, await state(house, "linker-on-time")) == ("pass", "fail", "pass")


async def test_a_change_that_nobody_made_fails_for_30_days(house: House) -> None:
    await house.pool.execute(
        "INSERT INTO audit_entries (kind, at, actor, detail, personal, request_id)"
        " VALUES ('groups_changed', $1, '', '{}', '', '')",
        house.there.now,
    )
    now = await state(house, "changes-have-actor")
    house.there.now += 30 * DAY_S + 1

    assert (now, await state(house, "changes-have-actor")) == ("fail", "pass")


async def test_an_app_that_is_open_everywhere_fails_without_a_note(house: House) -> None:
    app = "apps: {{a: {{hosts: a.t.example, allow: anyone{}}}}}"

    wide = await state(house, "default-deny", policy=lambda: policy_of(app.format("")))
    meant = await state(house, "default-deny", policy=lambda: policy_of(app.format(", note: a public site")))

    assert (wide, meant, await state(house, "default-deny")) == ("fail", "pass", "pass")


async def test_a_policy_without_tests_fails(house: House) -> None:
    bare = policy_of("apps: {a: {hosts: a.t.example, allow: authenticated}}")

    assert await state(house, "policy-tests-run", policy=lambda: bare) == "fail"
    assert await state(house, "policy-tests-run") == "pass"


async def test_a_lock_that_comes_too_late_fails(house: House) -> None:
    assert await state(house, "attempts-counted", lockout_failures=21) == "fail"
    assert await state(house, "attempts-counted", lockout_failures=20) == "pass"


async def test_a_role_that_may_change_the_log_fails(house: House, superuser: Pool) -> None:
    own = replace(house, acts=replace(house.acts, pool=superuser))

    assert await state(own, "roles-separated") == "fail"
    assert await state(house, "roles-separated") == "pass"


async def test_a_redis_user_that_may_do_more_fails_and_one_that_is_away_is_unknown(
    house: House, redis: Redis, redis_url: str
) -> None:
    await rules(redis, "SETUSER", "narrow", "on", ">secret", *NEEDED.split())
    narrow = redis_url.replace("unix://", "unix://narrow:secret@")

    async with running(Pipeline(narrow, 5)) as limited, running(Pipeline("unix:///nowhere.sock", 1)) as away:
        found = [await state(house, "redis-limited", servers=[one]) for one in (limited, away)]
    await rules(redis, "DELUSER", "narrow")

    assert [await state(house, "redis-limited"), *found] == ["fail", "pass", "unknown"]


async def test_a_failover_that_loses_commits_fails(house: House, database_url: str, superuser: Pool) -> None:
    """Looks write nothing, so they do not wait for the standby that is not there."""
    lone = await state(house, "standby-synchronous")
    async with asyncpg.create_pool(
        database_url, min_size=1, max_size=1, server_settings={"synchronous_commit": "on"}
    ) as own:
        patient = replace(house, acts=replace(house.acts, pool=own))
        try:
            await superuser.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            await superuser.execute("SELECT pg_reload_conf()")
            while not await own.fetchval("SELECT current_setting('synchronous_standby_names')"):
                await asyncio.sleep(0.02)
            waiting = await state(patient, "standby-synchronous")
        finally:
            await superuser.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await superuser.execute("SELECT pg_reload_conf()")

    assert (lone, waiting) == ("fail", "pass")


async def test_a_column_that_the_map_lacks_fails_and_what_postgres_refuses_is_unknown(
    own_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """A query that is refused stops no other."""
    superuser = await asyncpg.connect(superuser_url(own_database_url))
    async with (
        asyncpg.create_pool(own_database_url, min_size=1, max_size=2) as pool,
        open_house(pool, redis_url, tmp_path) as house,
    ):
        mapped = await state(house, "data-map-complete")
        await superuser.execute("CREATE TABLE unmapped (word text)")
        unmapped = await judged(house, "data-map-complete")
        await superuser.execute("REVOKE SELECT ON admin_roles FROM bastion")
        results = {one.control: one.result.value for one in await run_of(house).run()}
    await superuser.close()

    assert (mapped, unmapped.result.value) == ("pass", "fail")
    assert json.loads(unmapped.evidence)["ids"] == ["unmapped.word"]
    assert (results["owners-with-passkey"], results["policy-tests-run"]) == ("unknown", "pass")


async def test_the_leader_runs_them_once_an_interval_and_the_log_has_the_digest(house: House) -> None:
    run = run_of(house)
    for wait_s in (0, EVERY_S - 1, 1):
        house.there.now += wait_s
        await run.work()

    async with house.acts.begin() as act:
        runs = await act.controls.between(0, house.there.now)
        digests = await act.controls.digests(0, house.there.now)
    assert [one.at for one in runs] == [house.there.now - EVERY_S, house.there.now]
    assert {one.run: digest_of_run(one.run, one.at, one.judged) for one in runs} == digests
    assert len(runs[0].results) == len(CONTROLS)


def test_a_control_that_changed_is_another_one() -> None:
    control = BY_ID["backup-age"]

    longer, query = replace(control, threshold=control.threshold + 1), QUERIES["backup-age"]

    assert len({control.definition(query), longer.definition(query), control.definition(query + " ")}) == 3
    assert replace(control, sentence="other words").definition(query) == control.definition(query)


async def test_the_report_has_failures_gaps_exceptions_and_populations(house: House) -> None:
    await house.add("ada")
    compliance, begun = Compliance(house.acts, "cli:root"), house.there.now
    for policy in (GOOD, policy_of("apps: {a: {hosts: a.t.example, allow: authenticated}}"), GOOD):
        await run_of(house, policy=lambda policy=policy: policy).run()
        house.there.now += EVERY_S
    house.there.now += 3 * EVERY_S
    await compliance.grant("backup-age", house.there.now + DAY_S, "the new store comes in June")

    report = await compliance.report(begun, house.there.now)

    row = next(one for one in report.rows if one.control == "policy-tests-run")
    seen = [(one.begins_at - begun, one.ends_at - begun, one.result and one.result.value) for one in row.spans]
    hour = EVERY_S
    assert seen == [(0, hour, "pass"), (hour, 2 * hour, "fail"), (2 * hour, 6 * hour, None)]
    assert [(one.control, one.reason) for one in report.exceptions] == [("backup-age", "the new store comes in June")]
    assert report.populations == {"logins": 0, "changes": 2, "erasures": 0, "consents": 0}
    assert report.changed_runs == []


async def test_a_result_that_was_changed_after_all_is_named(house: House, superuser: Pool) -> None:
    await run_of(house).run()
    async with superuser.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE control_results SET result = 'pass' WHERE control = 'backup-age'")

    report = await Compliance(house.acts, "cli:root").report(0, house.there.now)

    assert report.changed_runs == [1]


async def test_the_metric_forgets_a_state_that_is_too_old(house: House) -> None:
    await run_of(house).run()
    now = (await control_states(house.acts))["backup-age"]
    house.there.now += 2 * EVERY_S + 1

    assert (now, (await control_states(house.acts))["backup-age"]) == ("fail", None)


@pytest.mark.parametrize("table", ["control_results", "control_exceptions"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET at = 0", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_serving_role_changes_no_result(house: House, table: str, statement: str) -> None:
    await run_of(house).run()
    changed = statement.format(table).replace("at = 0", "ends_at = 0" if table == "control_exceptions" else "at = 0")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await house.pool.execute(changed)
