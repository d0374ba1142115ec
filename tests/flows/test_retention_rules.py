"""Each rule takes what is as old as its time and nothing younger, names it beforehand, and minds the brake."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from gateway.core.admin.acts import AdminRole
from gateway.core.privacy.periods import end_of, month_of
from gateway.core.privacy.retention import (
    RESULTS_STAY_S,
    InactiveTerms,
    Leaver,
    RetentionRule,
    RetentionTerms,
    is_too_many,
    young,
)
from gateway.core.privacy.retention import without_last_owner as spared
from gateway.core.units import DAY_S
from gateway.flows.mail.notices import Notices
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.flows.privacy.retention import NothingStopped, Retention
from gateway.flows.privacy.retention_rules import RetentionPlan, takers
from gateway.stores.postgres.outbox import Outbox
from tests.attacks.conftest import House, open_house
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.flows.controlled import results
from tests.flows.test_retention import login, now_of, person

KEPT_S, NOTICE_S = 90 * DAY_S, 30 * DAY_S
DISABLE, ERASE = InactiveTerms(KEPT_S, NOTICE_S, "disable"), InactiveTerms(KEPT_S, NOTICE_S, "erase")
TERMS = RetentionTerms(KEPT_S, 400 * DAY_S, KEPT_S, KEPT_S, DISABLE, RESULTS_STAY_S)
NEVER_USED, INACTIVE, MONTHS = RetentionRule.NEVER_USED, RetentionRule.INACTIVE, RetentionRule.AUDIT_PERSONAL
RESULTS = RetentionRule.CONTROL_RESULTS


@pytest.fixture
async def house(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(pool, redis_url, tmp_path) as found:
        yield found


def erasure(house: House) -> Erasure:
    nowhere = Path("/nonexistent")  # the ledger is the leader's
    notices = Notices(is_on=True, lifetimes_s={}, random=house.there.random)
    return Erasure(house.acts, KEYS, NodeFiles(nowhere, nowhere), notices=notices)


def retention(house: House, terms: RetentionTerms = TERMS) -> Retention:
    return Retention(erasure(house), terms)


async def used(house: House, name: str, at: int | None, told_at: int | None = None) -> UUID:
    """Somebody whose account is old, and was used then."""
    user_id = await person(house, name)
    await house.pool.execute("UPDATE users SET created_at = 0 WHERE id = $1", user_id)
    if at is not None:
        await house.pool.execute("INSERT INTO account_uses (user_id, used_at) VALUES ($1, $2)", user_id, at)
    if told_at is not None:
        await house.pool.execute("INSERT INTO inactivity_notices (user_id, told_at) VALUES ($1, $2)", user_id, told_at)
    return user_id


async def states(pool: Pool) -> Sequence[str]:
    return [row["state"] for row in await pool.fetch("SELECT state FROM users ORDER BY state")]


async def _login(house: House, at: int) -> str:
    ada = await person(house)
    return (await login(house.pool, ada, await now_of(house.pool) - at)).hex()


async def _message(house: House, at: int) -> str:
    added: int = await house.pool.fetchval(
        "INSERT INTO outbox (kind, destination, position, sealed, digest, state, done_at)"
        " VALUES ('mail', 'person/x', 1, '', 'x', 'dead', to_timestamp($1::bigint)) RETURNING id",
        at,
    )
    return str(added)


async def _month(house: House, at: int) -> str:
    month = month_of(at - 1)
    await house.pool.execute("INSERT INTO audit_period_keys (month, wrapped) VALUES ($1, 'x')", month)
    return month


async def _results(house: House, at: int) -> str:
    """A run, and the newest one, which stays."""
    await results(house, 7, at)
    await results(house, 8, 0)
    return "7"


async def _never_used(house: House, at: int) -> str:
    ada = await person(house)
    await house.pool.execute("UPDATE users SET created_at = $1", at)
    return str(ada)


async def _inactive(house: House, at: int) -> str:
    return str(await used(house, "ada", at, at + 1))


@pytest.mark.parametrize(
    ("rule", "terms", "make"),
    [
        (RetentionRule.ENDED_LOGINS, TERMS, _login),
        (RetentionRule.DELIVERIES, TERMS, _message),
        (RetentionRule.AUDIT_PERSONAL, TERMS, _month),
        (RetentionRule.CONTROL_RESULTS, TERMS, _results),
        (RetentionRule.NEVER_USED, TERMS, _never_used),
        (RetentionRule.INACTIVE, TERMS, _inactive),
        (RetentionRule.INACTIVE, replace(TERMS, inactive=ERASE), _inactive),
    ],
)
async def test_a_rule_takes_what_is_a_second_too_old_and_its_dry_run_names_the_same(
    house: House, rule: RetentionRule, terms: RetentionTerms, make: Callable[[House, int], Awaitable[str]]
) -> None:
    """Of one thing that is too old from edge on: a run a second before takes nothing."""
    taker, now = takers(erasure(house), terms)[rule], await now_of(house.pool)
    edge = end_of("2024-03") if rule is MONTHS else now - RESULTS_STAY_S if rule is RESULTS else now - KEPT_S
    made = await make(house, edge)

    async def plan(until: int) -> RetentionPlan:
        async with house.acts.begin() as act:
            return await taker.plan(act, until, now)

    before, then = await plan(edge - 1), await plan(edge)

    assert (list(before.ids), list(then.ids)) == ([], [made])
    assert await taker.take(before) == 0
    assert (await plan(edge)).ids == [made], "the run before took nothing"
    assert await taker.take(then) == 1
    assert (await plan(edge)).ids == []


def test_every_rule_is_in_the_table_above() -> None:
    (mark,) = test_a_rule_takes_what_is_a_second_too_old_and_its_dry_run_names_the_same.pytestmark  # type: ignore[attr-defined]  # pytest's

    assert {case[0] for case in mark.args[1]} == set(RetentionRule)


@pytest.mark.parametrize("rule", [NEVER_USED, INACTIVE])
async def test_a_person_under_a_hold_is_never_taken(house: House, rule: RetentionRule) -> None:
    made = UUID(await (_never_used if rule is NEVER_USED else _inactive)(house, 0))
    await house.pool.execute(
        "INSERT INTO holds (user_id, reason, added_by, added_at) VALUES ($1, '', 'cli:x', 0)", made
    )

    (would,) = [one for one in await retention(house).dry_run() if one.rule is rule]
    await retention(house).run()

    assert (would.count, await states(house.pool)) == (0, ["active"])


@pytest.mark.parametrize("terms", [DISABLE, ERASE])
async def test_the_last_owner_stays_and_the_dry_run_says_so(house: House, terms: InactiveTerms) -> None:
    """Both owners are due: the one who was there last stays."""
    both = [await used(house, "ada", 10, 20), await used(house, "grace", 11, 20)]
    async with house.acts.begin() as act:
        for one in both:
            await act.admin_roles.put(one, AdminRole.OWNER, None, act.now)
    rest = retention(house, RetentionTerms(inactive=terms))

    (would,) = [one for one in await rest.dry_run() if one.rule is INACTIVE]
    await rest.run()

    assert list(would.plan.ids) == [str(both[0])]
    assert await states(house.pool) == ["active", "disabled" if terms is DISABLE else "erased"]
    assert await house.pool.fetchval("SELECT state FROM users WHERE id = $1", both[1]) == "active"


def test_of_owners_who_are_all_due_the_last_stays() -> None:
    ada, grace, linus = (UUID(int=number) for number in range(3))
    due = [Leaver(ada, is_owner=True), Leaver(linus, is_owner=False), Leaver(grace, is_owner=True)]

    assert spared(due, 3) == [ada, linus, grace]
    assert spared(due, 2) == [ada, linus]
    assert spared(due[1:2], 0) == [linus]


async def test_a_person_is_told_first_and_a_login_takes_them_off(house: House) -> None:
    """Ada comes back after the letter; Grace does not."""
    now, pool = await now_of(house.pool), house.pool
    ada, grace = [await used(house, name, now - KEPT_S + NOTICE_S - 5) for name in ("ada", "grace")]
    await house.admin.set_email("ada", "ada@example.org")
    rest = retention(house)

    told = await rest.run()
    again = await rest.run()
    letters = await pool.fetch("SELECT user_id FROM outbox WHERE kind = 'notice'")
    # A month later: times move back instead of the clock.
    await pool.execute("UPDATE account_uses SET used_at = used_at - $1", NOTICE_S)
    await pool.execute("UPDATE inactivity_notices SET told_at = told_at - $1 - 1", NOTICE_S)
    await login(pool, ada, None)
    await pool.execute("UPDATE logins SET last_seen_at = $1 WHERE user_id = $2", now - 60, ada)
    done = await rest.run()

    assert [one.taken for one in (*told, *again) if one.rule is INACTIVE] == [0, 0]
    assert [row["user_id"] for row in letters] == [ada], "once, and Grace has no address"
    assert [one.taken for one in done if one.rule is INACTIVE] == [1]
    assert await pool.fetchval("SELECT state FROM users WHERE id = $1", grace) == "disabled"
    assert await pool.fetchval("SELECT state FROM users WHERE id = $1", ada) == "active"
    entry = await pool.fetchrow("SELECT actor, detail FROM audit_entries WHERE kind = 'user_disabled'")
    assert entry is not None
    assert (entry["actor"], entry["detail"]) == ("gateway", '{"logins":[],"why":"inactive"}')


async def test_who_is_enabled_again_is_told_anew(house: House) -> None:
    await used(house, "ada", 0, 1)
    rest = retention(house, RetentionTerms(inactive=DISABLE))
    await rest.run()
    await house.admin.enable("ada")

    (done,) = await rest.run()

    assert (done.taken, await states(house.pool)) == (0, ["active"])
    assert await house.pool.fetchval("SELECT count(*) FROM inactivity_notices") == 1


async def test_a_notice_is_as_old_as_configured_on_the_second(house: House) -> None:
    now = await now_of(house.pool)
    taker = takers(erasure(house), TERMS)[INACTIVE]
    await used(house, "ada", 0, now - NOTICE_S)

    async def due(at: int) -> int:
        async with house.acts.begin() as act:
            return len((await taker.plan(act, at - KEPT_S, at)).ids)

    assert (await due(now - 1), await due(now)) == (0, 1)


@pytest.mark.parametrize("table", ["logins", "grants", "api_keys"])
async def test_the_last_use_outlives_the_row_that_told_of_it(house: House, table: str) -> None:
    """An app or a script that uses an account keeps it too (evidence.md X11)."""
    pool, now = house.pool, await now_of(house.pool)
    ada = await used(house, "ada", 1, 2)
    login_id = await login(pool, ada, 1)
    if table == "grants":
        await pool.execute(
            "INSERT INTO grants (id, kind, client, user_id, login_id, scope, resource, authenticated_at, mfa_at, amr,"
            " jkt, generation, rotated_at, created_at, expires_at, idle_s, last_used_at) VALUES ($1, 'offline', 'spa',"
            " $2, $3, '{openid}', 'x', 0, 0, '{pwd}', '', 1, 0, 0, 1, 3600, $4)",
            b"g" * 16, ada, login_id, now,
        )  # fmt: skip
    elif table == "api_keys":
        await pool.execute(
            "INSERT INTO api_keys (id, user_id, sealed, hash, scope, hosts, networks, created_at, expires_at,"
            " last_used_at) VALUES ($1, $2, '', $3, '{}', '{a.example}', '{}', 0, 1, $4)",
            b"k" * 16, ada, b"h" * 32, now,
        )  # fmt: skip
    else:
        await pool.execute("UPDATE logins SET last_seen_at = $1", now)
    await pool.execute(f"DELETE FROM {table}")
    await pool.execute("DELETE FROM logins")

    await retention(house, RetentionTerms(inactive=DISABLE)).run()

    assert await states(pool) == ["active"]
    assert await pool.fetchval("SELECT used_at FROM account_uses") == now


async def many(house: House, count: int, people: int) -> None:
    """Of so many people so many have old accounts that they never used."""
    for number in range(count):
        await person(house, f"p{number}")
    await house.pool.execute("UPDATE users SET created_at = 0")
    await house.pool.execute(
        "INSERT INTO users (id, state, username_index, sealed, password, groups, version, created_at, changed_at)"
        " SELECT gen_random_uuid(), 'active', sha256(n::text::bytea), '', '', '{}', 1, $2::bigint, 0"
        " FROM generate_series(1, $1::int) n",
        people - count, await now_of(house.pool),
    )  # fmt: skip


def test_the_brake_takes_twenty_who_are_over_five_percent() -> None:
    assert [is_too_many(wanted, 100) for wanted in (19, 20)] == [False, True]
    assert [is_too_many(50, people) for people in (1000, 999)] == [False, True]


async def test_a_run_that_would_erase_too_many_waits_for_an_approval_of_its_own(house: House) -> None:
    """After a typo, `never_used: 1d`, the company is still there."""
    pool, rest = house.pool, retention(house, RetentionTerms(never_used_s=DAY_S))
    await many(house, 20, 100)

    (would,) = [one for one in await rest.dry_run() if one.rule is NEVER_USED]
    (stopped,) = await rest.run()
    await rest.work()
    stays = await pool.fetchval("SELECT count(*) FROM users WHERE state = 'active'")
    with pytest.raises(NothingStopped):
        await rest.approve(INACTIVE, "cli:root")
    await rest.approve(NEVER_USED, "cli:root")
    await rest.work()

    assert (would.count, stopped.taken, stopped.wanted, stays) == (20, 0, 20, 100)
    assert would.stops == stopped.stopped
    assert await pool.fetchval("SELECT count(*) FROM users WHERE state = 'active'") == 80
    kinds = [row["kind"] for row in await pool.fetch("SELECT kind FROM audit_entries WHERE kind LIKE 'retention%'")]
    assert sorted(kinds) == ["retention_approved", "retention_ran", "retention_stopped"]
    await pool.execute("UPDATE users SET created_at = 0")
    (again,) = await rest.run()
    assert (again.taken, again.wanted) == (0, 80), "an approval is of one run"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("UPDATE retention_approvals SET run_id = 0")


async def test_nineteen_are_taken_at_once(house: House) -> None:
    await many(house, 19, 19)

    (done,) = await retention(house, RetentionTerms(never_used_s=DAY_S)).run()

    assert (done.taken, done.stopped) == (19, "")


async def test_too_many_letters_wait_for_an_approval_too(house: House) -> None:
    pool, rest = house.pool, retention(house, RetentionTerms(inactive=DISABLE))
    await many(house, 20, 20)

    (stopped,) = await rest.run()
    told = await pool.fetchval("SELECT count(*) FROM inactivity_notices")

    assert (stopped.wanted, told) == (20, 0)


def test_a_month_is_young_until_thirty_days_after_its_end() -> None:
    end = end_of("2026-02")

    assert young(["2026-01", "2026-02"], end + 30 * DAY_S - 1) == ["2026-02"]
    assert young(["2026-01", "2026-02"], end + 30 * DAY_S) == []


async def test_a_clock_that_was_set_ahead_destroys_no_month_that_was_young_when_it_last_ran(house: House) -> None:
    """Both clocks jumped two years, so that nothing in the log is of the future: the last run says what was young."""
    pool, now = house.pool, await now_of(house.pool)
    ran_at = now - 730 * DAY_S
    await pool.execute(
        "INSERT INTO retention_runs (rule, at, taken, stopped) VALUES ('audit_personal', $1, 0, '')", ran_at
    )
    old, youngest = month_of(ran_at - 90 * DAY_S), month_of(ran_at)
    for month in (old, youngest):
        await pool.execute("INSERT INTO audit_period_keys (month, wrapped) VALUES ($1, 'x')", month)
    rest = retention(house, RetentionTerms(audit_personal_s=400 * DAY_S))

    (stopped,) = await rest.run()
    (still,) = await rest.run()
    await rest.approve(MONTHS, "cli:root")
    (done,) = await rest.run()

    assert [(one.taken, one.wanted) for one in (stopped, still, done)] == [(0, 1), (0, 1), (2, 0)]


async def test_of_what_may_be_offered_once_more_the_newest_stays(house: House) -> None:
    """It keeps what is offered once more from being sent once more."""
    pool = house.pool
    for kind, destination, position, age in (
        ("checkpoint", "webhook", 1, KEPT_S + 5),
        ("checkpoint", "webhook", 2, KEPT_S + 5),
        ("checkpoint", "webhook", 3, 5),
        ("checkpoint", "elsewhere", 7, KEPT_S + 5),
        ("mail", "person/x", 8, KEPT_S + 5),
    ):
        await pool.execute(
            "INSERT INTO outbox (kind, destination, position, sealed, digest, state, done_at)"
            " VALUES ($1, $2, $3, '', 'x', 'done', now() - make_interval(secs => $4))",
            kind, destination, position, age,
        )  # fmt: skip

    await retention(house, RetentionTerms(deliveries_s=KEPT_S)).run()

    assert [row["position"] for row in await pool.fetch("SELECT position FROM outbox ORDER BY 1")] == [3, 7]


async def test_dead_letters_go_by_and_by_and_those_that_wait_stay(house: House) -> None:
    """So many at once that a statement's time suffices."""
    pool = house.pool
    await pool.execute(
        "INSERT INTO outbox (kind, destination, position, sealed, digest, state, done_at)"
        " SELECT 'checkpoint', 'webhook', n, '', sha256(n::text::bytea), 'dead',"
        " now() - make_interval(days => CASE WHEN n <= 2500 THEN 91 ELSE 89 END) FROM generate_series(1, 2503) n"
    )
    async with pool.acquire() as connection:
        outbox = Outbox(connection)
        waiting = {(one.kind, one.state): one.rows for one in await outbox.levels()}
        assert waiting == {("checkpoint", "dead"): 2503}

    (done,) = await retention(house, RetentionTerms(deliveries_s=KEPT_S)).run()

    assert done.taken == 2500
    assert [row["position"] for row in await pool.fetch("SELECT position FROM outbox ORDER BY 1")] == [2501, 2502, 2503]
