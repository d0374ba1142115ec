"""Who sets a password meets the rules and the person's earlier passwords, which only that person's key opens."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.password.breached import BreachVerdict, breach_digest
from gateway.core.password.rules import DEFAULT_RULES, Rule
from gateway.core.privacy.sealing import BrokenSeal
from gateway.flows.act import RedisBehind
from gateway.flows.people.breaches import NO_CORPUS, Breaches
from gateway.flows.people.new_passwords import BadPassword
from gateway.flows.people.users import Newcomer, UserAdmin
from gateway.outbound.ranges import NoRange
from tests.flows.conftest import ADA, PASSWORD, Stage

OTHERS = [f"{word} violin cabin zephyr" for word in ("plum", "fig", "quince", "medlar", "sloe", "date", "pear")]


async def refused(admin: UserAdmin, password: str) -> list[Rule]:
    """Empty where it is taken."""
    try:
        await admin.set_password("ada", password)
    except BadPassword as bad:
        return [one.rule for one in bad.complaints]
    return []


async def test_an_operator_meets_the_rules_when_adding_and_when_changing(stage: Stage) -> None:
    with pytest.raises(BadPassword, match="at least 15 characters; this has 14"):
        await stage.admin.add(ADA, PASSWORD[:14])
    with pytest.raises(BadPassword, match="too easy to guess"):
        await stage.admin.add(ADA, "adalovelace-1234")
    await stage.admin.add(ADA, PASSWORD[:15])

    assert await refused(stage.admin, OTHERS[0][:14]) == [Rule.LENGTH]
    assert await refused(stage.admin, "lovelacelovelace") == [Rule.STRENGTH]
    assert await stage.entries("password_changed") == 0
    assert await refused(stage.admin, OTHERS[0][:15]) == []


@pytest.mark.parametrize("history", [0, 1, 5])
async def test_the_current_password_and_so_many_before_it_are_refused(stage: Stage, history: int) -> None:
    admin = replace(stage.admin, rules=replace(DEFAULT_RULES, history=history))
    await admin.add(ADA, PASSWORD)
    for password in OTHERS[: history + 1]:
        assert await refused(admin, password) == []

    for password in OTHERS[: history + 1]:
        assert await refused(admin, password) == [Rule.HISTORY]
    assert await refused(admin, PASSWORD) == []


async def test_no_more_former_passwords_are_kept_than_are_compared(stage: Stage) -> None:
    admin = replace(stage.admin, rules=replace(DEFAULT_RULES, history=2))
    await admin.add(ADA, PASSWORD)
    for password in OTHERS[:5]:
        assert await refused(admin, password) == []

    async with stage.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM password_history") == 2
    fewer = replace(admin, rules=replace(DEFAULT_RULES, history=0))
    assert await refused(fewer, OTHERS[5]) == []
    async with stage.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM password_history") == 0


async def test_the_history_says_nothing_in_clear_and_opens_for_nobody_else(stage: Stage) -> None:
    await stage.admin.add(ADA, PASSWORD)
    eve = await stage.admin.add(Newcomer("eve", "", "", ()), PASSWORD)
    assert await refused(stage.admin, OTHERS[0]) == []

    async with stage.pool.acquire() as connection:
        sealed = await connection.fetchval("SELECT sealed FROM password_history")
        assert b"$2b$" not in sealed
        await connection.execute("UPDATE password_history SET user_id = $1", eve)
    with pytest.raises(BrokenSeal):
        await stage.admin.set_password("eve", OTHERS[1])


def corpus(verdict: BreachVerdict, **configured: Any) -> Breaches:
    """That knows one password."""

    async def has(digest: bytes) -> bool:
        if verdict == "not_checked":
            raise NoRange("it does not answer")
        return verdict == "found" and digest == breach_digest(OTHERS[0])

    return Breaches(has, lambda _verdict: None, **configured)


@pytest.mark.parametrize(
    ("verdict", "configured", "broken"),
    [
        ("found", {}, [Rule.BREACHED]),
        ("found", {"at_change": "warn"}, []),
        ("clear", {"when_unreachable": "refuse"}, []),
        ("not_checked", {}, []),
        ("not_checked", {"at_change": "warn", "when_unreachable": "refuse"}, [Rule.BREACHED]),
    ],
)
async def test_a_breached_password_is_refused_or_not_as_configured(
    stage: Stage, verdict: BreachVerdict, configured: dict[str, Any], broken: list[Rule]
) -> None:
    await stage.admin.add(ADA, PASSWORD)
    admin = replace(stage.admin, breaches=corpus(verdict, **configured))

    assert await refused(admin, OTHERS[0]) == broken
    assert await stage.entries("password_changed") == (not broken)


async def test_nobody_is_added_with_a_breached_password(stage: Stage) -> None:
    admin = replace(stage.admin, breaches=corpus("found"))

    with pytest.raises(BadPassword, match="lists of passwords that leaked"):
        await admin.add(ADA, OTHERS[0])
    await admin.add(ADA, OTHERS[1])


async def test_without_a_corpus_nothing_is_out_of_reach(stage: Stage) -> None:
    """`breach.when_unreachable: refuse` beside `breach.source: off`."""
    await replace(stage.admin, breaches=replace(NO_CORPUS, when_unreachable="refuse")).add(ADA, PASSWORD)


async def test_who_repeats_a_command_for_redis_is_told_that_the_password_is_set_and_redis_follows(
    stage: Stage, admin_without_redis: UserAdmin
) -> None:
    session = await stage.sign_in(await stage.admin.add(ADA, PASSWORD))
    assert session is not None
    assert await stage.passes(session)
    with pytest.raises(RedisBehind):
        await admin_without_redis.set_password("ada", OTHERS[0])

    with pytest.raises(BadPassword, match="It is the current password"):
        await stage.admin.set_password("ada", OTHERS[0])

    assert await stage.passes(session) is None
    assert await stage.entries("password_changed") == 1
