"""A review freezes who may open what, nobody decides about themselves, and a removal acts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from gateway.core.compliance.access import opens
from gateway.core.units import DAY_S
from gateway.flows.compliance.access_reviews import AccessReviews, ReviewRefused
from tests.attacks.conftest import House, open_house
from tests.conftest import Pool
from tests.core.policy.build import NOW, policy_of
from tests.flows.controlled import state

POLICY: Final = policy_of("""
apps:
  wiki:
    hosts: wiki.t.example
    allow: {groups: staff}
    routes:
      open: {paths: /public/**, allow: anyone, note: a public page}
      admin: {paths: /admin/**, allow: {all: [{groups: ops}, {networks: 192.0.2.0/24}]}}
      own: {paths: "/people/{name}/**", allow: {users: "{name}"}}
      team: {paths: "/teams/{team}/**", allow: {groups: "{team}"}}
      shut: {paths: /shut/**, allow: authenticated, deny: {groups: guests}}
""")
DUE_S: Final = 14 * DAY_S


@pytest.fixture
async def house(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(pool, redis_url, tmp_path) as found:
        yield found


def reviews(house: House, actor: str = "cli:root") -> AccessReviews:
    return AccessReviews(house.acts, actor)


def test_what_groups_open_is_what_policy_says() -> None:
    staff = opens(POLICY, "ada", ("staff",), NOW)
    guest = opens(POLICY, "eve", ("guests", "ops"), NOW)

    assert staff == ("wiki/own", "wiki/rest", "wiki/shut", "wiki/team")
    assert guest == ("wiki/admin", "wiki/own", "wiki/team")


async def test_a_review_is_frozen_decided_by_somebody_else_and_finished(house: House) -> None:
    await house.add("ada")
    await house.add("grace", ("staff", "ops"))
    await house.sign_in("ada")
    here = reviews(house)

    review, lines = await here.start(POLICY, "", DUE_S)
    await house.admin.set_groups("ada", ())
    shown = {one.username: one.line for one in (await here.show(review)).lines}
    with pytest.raises(ReviewRefused, match="review themselves"):
        await here.decide(review, "ada", "ada", "keep", house.admin)
    with pytest.raises(ReviewRefused, match="review themselves"):
        await reviews(house, "cli:ada").decide(review, "ada", "grace", "keep", house.admin)
    await here.decide(review, "ada", "grace", "remove", house.admin)
    with pytest.raises(ReviewRefused, match="1 lines"):
        await here.finish(review)
    with pytest.raises(ReviewRefused, match="ada is disabled"):
        await here.decide(review, "grace", "ada", "keep", house.admin)
    await house.add("linus")
    await here.decide(review, "grace", "linus", "keep", house.admin)
    with pytest.raises(ReviewRefused, match="still to be decided"):
        await here.decide(review, "grace", "linus", "remove", house.admin)
    await here.finish(review)

    assert lines == 2
    assert (shown["ada"].groups, shown["ada"].last_login_at) == (("staff",), house.there.now)
    assert shown["grace"].opens == ("wiki/admin", "wiki/own", "wiki/rest", "wiki/shut", "wiki/team")
    ada = await house.admin.find("ada")
    assert ada is not None
    assert ada.state == "disabled"
    with pytest.raises(ReviewRefused, match="is finished"):
        await here.finish(review)
    kinds = [row["kind"] for row in await house.pool.fetch("SELECT kind FROM audit_entries ORDER BY id")]
    assert [kind for kind in kinds if kind.startswith("review")] == [
        "review_started", "review_decided", "review_decided", "review_finished"
    ]  # fmt: skip


async def test_a_removal_in_a_review_of_a_group_takes_the_group_alone(house: House) -> None:
    await house.add("ada", ("staff", "ops"))
    await house.add("grace")
    here = reviews(house)

    review, lines = await here.start(POLICY, "ops", DUE_S)
    await here.decide(review, "ada", "grace", "remove", house.admin)

    ada = await house.admin.find("ada")
    assert ada is not None
    assert (lines, ada.groups, ada.state) == (1, ("staff",), "active")


async def _decided(house: House, due_s: int) -> int:
    """A review of ada and grace that is still to be finished."""
    review, _ = await reviews(house).start(POLICY, "", due_s)
    for name, reviewer in (("ada", "grace"), ("grace", "ada")):
        await reviews(house).decide(review, name, reviewer, "keep", house.admin)
    return review


async def test_an_overdue_review_fails_its_control_until_it_is_finished(house: House) -> None:
    await house.add("ada")
    await house.add("grace")
    before = await state(house, "review-current")

    await reviews(house).finish(await _decided(house, DUE_S))
    reviewed = await state(house, "review-current")
    late = await _decided(house, 1)
    house.there.now += 2
    overdue = await state(house, "review-current")
    await reviews(house).finish(late)
    mended = await state(house, "review-current")
    house.there.now += 90 * DAY_S + 1

    assert (before, reviewed, overdue, mended) == ("fail", "pass", "fail", "pass")
    assert await state(house, "review-current") == "fail"


async def test_a_policy_that_workers_do_not_enforce_is_no_basis(house: House) -> None:
    await house.add("ada")
    await house.pool.execute(
        "INSERT INTO policy_workers (node, worker, version, refused, wish) VALUES ('n', 0, 'other', '', 0)"
    )

    with pytest.raises(ReviewRefused, match="another policy"):
        await reviews(house).start(POLICY, "", DUE_S)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE review_lines SET groups = '{}'",
        "UPDATE review_lines SET opens = '{}', last_login_at = 1",
        "UPDATE review_lines SET decision = 'keep', decided_by = user_id, decided_at = 1",
        "DELETE FROM review_lines",
    ],
)
async def test_postgres_refuses_to_change_a_frozen_line(house: House, statement: str) -> None:
    await house.add("ada")
    await reviews(house).start(POLICY, "", DUE_S)

    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
        await house.pool.execute(statement)
