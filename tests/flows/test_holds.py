"""A hold keeps a person from being erased, however close the erasure is."""

import asyncio

import pytest

from gateway.core.admin.acts import AdminRole
from gateway.core.privacy.erasure import Held
from gateway.flows.people.owners import LastOwner
from gateway.flows.people.users import Newcomer
from gateway.flows.privacy.erasure import Erasure
from gateway.flows.privacy.holds import HoldAdmin, NoHold
from gateway.stores.postgres.holds import Holds
from gateway.stores.postgres.users import UnknownUser
from tests.flows.conftest import ADA, PASSWORD, Stage
from tests.flows.erasing import everything


async def test_a_hold_refuses_until_it_is_lifted_or_over(stage: Stage, erasure: Erasure) -> None:
    await stage.admin.add(ADA, PASSWORD)
    holds = HoldAdmin(stage.admin.acts, "cli:root")
    now = stage.clock.now

    for name in ("ada", None):
        hold = await holds.add(name, "case 2026-14", None)
        with pytest.raises(Held, match=f"hold {hold} "):
            await erasure.erase("ada", "asked", "cli:root")
        await holds.lift(hold)
        with pytest.raises(NoHold):
            await holds.lift(hold)
    ends = await holds.add("ada", "case 2026-15", now + 10)
    stage.clock.advance(9)
    with pytest.raises(Held, match=f"hold {ends} "):
        await erasure.erase("ada", "asked", "cli:root")
    stage.clock.advance(1)

    assert await holds.list() == []
    await erasure.erase("ada", "asked", "cli:root")
    assert await stage.entries("hold_added") == 3
    assert await stage.entries("hold_lifted") == 2


async def test_a_hold_of_somebody_else_refuses_nothing(stage: Stage, erasure: Erasure) -> None:
    await stage.admin.add(ADA, PASSWORD)
    await stage.admin.add(Newcomer("grace", "", "", ()), PASSWORD)
    holds = HoldAdmin(stage.admin.acts, "cli:root")

    await holds.add("grace", "case of Grace", None)

    (hold,) = await holds.list()
    assert (hold.username, hold.row.reason, hold.row.added_by) == ("grace", "case of Grace", "cli:root")
    assert b"case of grace" not in await everything(stage.pool)
    await erasure.erase("ada", "asked", "cli:root")
    assert await stage.admin.find("ada") is None


@pytest.mark.parametrize("name", ["ada", None])
async def test_a_hold_that_comes_first_wins_however_close_it_is(
    stage: Stage, erasure: Erasure, name: str | None
) -> None:
    """E17: the erasure looks for holds when nobody can add one any more."""
    user_id = await stage.admin.add(ADA, PASSWORD)
    holds = HoldAdmin(stage.admin.acts, "cli:root")
    async with stage.pool.acquire() as connection:
        async with connection.transaction():
            await Holds(connection, stage.vault).wait_for_erasures()
            erasing = asyncio.create_task(erasure.erase("ada", "asked", "cli:root"))
            await stage.waits_for_a_lock()
            await Holds(connection, stage.vault).add(None if name is None else user_id, "case", "cli:root", 0, None)
        with pytest.raises(Held):
            await erasing
        await holds.lift(1)

        async with connection.transaction():
            await connection.execute("SELECT 1 FROM users WHERE id = $1 FOR SHARE", user_id)
            erasing = asyncio.create_task(erasure.erase("ada", "asked", "cli:root"))
            await stage.waits_for_a_lock()
            holding = asyncio.create_task(holds.add(name, "too late", None))
            await asyncio.sleep(0.1)
        await erasing
        if name is None:
            await holding
        else:
            with pytest.raises(UnknownUser):
                await holding


async def test_the_last_owner_of_the_console_is_not_erased(stage: Stage, erasure: Erasure) -> None:
    ada = await stage.admin.add(ADA, PASSWORD)
    grace = await stage.admin.add(Newcomer("grace", "", "", ()), PASSWORD)
    async with stage.admin.acts.begin() as act:
        await act.admin_roles.put(ada, AdminRole.OWNER, None, act.now)

    with pytest.raises(LastOwner):
        await erasure.erase("ada", "asked", "cli:root")
    untouched = await stage.admin.find("ada")
    async with stage.admin.acts.begin() as act:
        await act.admin_roles.put(grace, AdminRole.OWNER, None, act.now)
    both = await asyncio.gather(
        *(erasure.erase(name, "asked", "cli:root") for name in ("ada", "grace")), return_exceptions=True
    )

    assert untouched is not None
    assert sorted(isinstance(one, LastOwner) for one in both) == [False, True]
