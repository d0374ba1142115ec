"""An act is committed with its entries or not at all; then Redis hears of it, in an order that is always the same."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

import gateway.flows
from gateway.core.audit.login_events import LoggedOut
from gateway.core.audit.people_events import UserDisabled, UserEnabled
from gateway.core.errors import StoreUnavailable
from gateway.flows.act import Act, Acts, RedisBehind
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.users import NewUser
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from tests.acting import acts_of
from tests.conftest import Clock, Pool
from tests.deciding import ADA

FLOWS = Path(gateway.flows.__file__ or "").parent
TAG = "t" * 16
PERSON = f"{{{TAG}}}u"


class Heard(FunctionCalls):
    """The real calls; each is noted with what Postgres had committed when it was sent."""

    def __init__(self, pipeline: Pipeline, pool: Pool) -> None:
        super().__init__(pipeline, library())
        self._pool = pool
        self.calls: list[tuple[str, str]] = []
        self.entries: list[int] = []

    async def ask(self, function: str, keys: Sequence[str], *arguments: str | int | bytes) -> object:
        self.calls.append((function, keys[0]))
        self.entries.append(await entries(self._pool))
        return await super().ask(function, keys, *arguments)


@pytest.fixture
def heard(pipeline: Pipeline, pool: Pool) -> Heard:
    return Heard(pipeline, pool)


@pytest.fixture
async def acts(pool: Pool, heard: Heard, clock: Clock) -> Acts:
    """With a person in Postgres."""
    acts = replace(acts_of(pool, clock), revocations=Revocations(heard))
    async with acts.begin() as act:
        await act.users.add(NewUser(ADA, "ada", "", "", (), "x"), act.now)
    return acts


async def entries(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM audit_entries"))


async def state_of(pool: Pool) -> str:
    return str(await pool.fetchval("SELECT state FROM users"))


def login_key(login: str) -> str:
    return f"{{{TAG}}}l:{login}"


async def disable(acts: Acts, *, operator: str = "cli:root", fails: bool = False) -> None:
    async with acts.begin(operator=operator) as act:
        await act.users.set_state(ADA, "disabled", act.now)
        act.record(UserDisabled(ADA, ()))
        act.stales_person(TAG)
        if fails:
            raise ZeroDivisionError


async def test_redis_hears_of_an_act_once_it_and_its_entry_are_committed(acts: Acts, pool: Pool, heard: Heard) -> None:
    await disable(acts)

    assert heard.calls == [("stale", PERSON)]
    assert heard.entries == [1]
    assert await state_of(pool) == "disabled"


async def test_an_act_whose_block_raises_changes_nothing_and_redis_hears_nothing(
    acts: Acts, pool: Pool, heard: Heard
) -> None:
    with pytest.raises(ZeroDivisionError):
        await disable(acts, fails=True)

    assert (await state_of(pool), await entries(pool), heard.calls) == ("active", 0, [])


async def test_an_act_whose_entry_cannot_be_written_changes_nothing_either(
    acts: Acts, pool: Pool, heard: Heard
) -> None:
    """An operator's event in an act that names no operator."""
    with pytest.raises(AssertionError):
        await disable(acts, operator="")

    assert (await state_of(pool), await entries(pool), heard.calls) == ("active", 0, [])


async def test_an_act_that_is_left_early_is_committed_and_told_too(acts: Acts, pool: Pool, heard: Heard) -> None:
    async def leaves() -> str:
        async with acts.begin() as act:
            act.record(LoggedOut(ADA, "L"))
            act.ends("login", TAG, "L")
            return "left"

    assert await leaves() == "left"
    assert (await entries(pool), heard.calls) == (1, [("finish", login_key("L"))])


def _says_all(act: Act, order: Sequence[int]) -> None:
    says = (
        lambda: act.ends("login", TAG, "a"),
        lambda: act.ends("login", TAG, "b"),
        lambda: act.stales_login(TAG, "c"),
        lambda: act.stales_person(TAG),
        lambda: act.offers(TAG, "d", "wiki.example.org"),
    )
    for at in order:
        says[at]()


async def test_redis_hears_of_ends_then_logins_then_people_then_offers(acts: Acts, heard: Heard) -> None:
    """Of ends in the flow's order, of which the login that asks is the last."""
    for order in permutations(range(5)):
        heard.calls.clear()
        async with acts.begin() as act:
            _says_all(act, order)

        ended = ["a", "b"] if order.index(0) < order.index(1) else ["b", "a"]
        assert heard.calls == [
            *(("finish", login_key(login)) for login in ended),
            ("stale", login_key("c")),
            ("stale", PERSON),
            ("offer", f"{{{TAG}}}c:d"),
        ]


async def test_an_act_whose_redis_is_away_is_committed_and_says_so(
    acts: Acts, pool: Pool, dead_pipeline: Pipeline
) -> None:
    without = replace(acts, revocations=Revocations(FunctionCalls(dead_pipeline, library())))

    with pytest.raises(RedisBehind, match=r"recorded.*Redis did not follow.*60 s. Repeat the command"):
        await disable(without)

    assert (await state_of(pool), await entries(pool)) == ("disabled", 1)
    assert issubclass(RedisBehind, StoreUnavailable), "the web answers 503"


async def test_an_act_that_says_nothing_to_redis_needs_none(acts: Acts, dead_pipeline: Pipeline) -> None:
    without = replace(acts, revocations=Revocations(FunctionCalls(dead_pipeline, library())))

    async with without.begin() as act:
        assert [user.username for user in await act.users.list()] == ["ada"]


async def test_without_postgres_redis_hears_nothing(acts: Acts, heard: Heard, tmp_path: Path) -> None:
    async with make_pool(f"postgresql://nobody@/none?host={tmp_path}", 1) as nowhere:
        with pytest.raises(RecordUnavailable):
            await disable(replace(acts, pool=nowhere))

    assert heard.calls == []


async def test_one_act_has_one_time_and_entries_in_the_order_of_its_events(
    acts: Acts, pool: Pool, clock: Clock
) -> None:
    began = clock.now
    async with acts.begin(operator="cli:root", request_id="r1") as act:
        act.record(UserDisabled(ADA, ()))
        clock.advance(5)
        act.record(UserEnabled(ADA))
    async with acts.begin(operator="cli:root", at=began - 60) as act:
        act.record(UserEnabled(ADA))

    rows = await pool.fetch("SELECT kind, at, actor, request_id FROM audit_entries ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("user_disabled", began, "cli:root", "r1"),
        ("user_enabled", began, "cli:root", "r1"),
        ("user_enabled", began - 60, "cli:root", ""),
    ]


def test_only_acts_tell_redis_of_what_is_committed() -> None:
    """A flow that called Revocations itself could do it before its commit, or in another order."""
    named = {
        path.name for path in FLOWS.rglob("*.py") if re.search(r"\brevocations\b|\bRevocations\b", path.read_text())
    }

    assert named == {"act.py"}
