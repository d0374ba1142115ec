"""A master key takes the place of another in a real database, while others read and write."""

import asyncio
import json
import random
import signal
import sys
from pathlib import Path
from uuid import UUID

import pytest

from gateway.core.privacy.sealing import MasterKeys, master_id
from gateway.flows.act import Acts
from gateway.flows.keys.key_status import key_status
from gateway.flows.keys.master_rotation import MasterRotation, NotEverywhere, NothingToRotate
from gateway.stores.postgres.key_checks import agree
from gateway.stores.postgres.master_keys import WRAPPED_TABLES, MasterRows, master_name
from gateway.stores.postgres.period_keys import PeriodKeys
from gateway.stores.postgres.policy_workers import PolicyWorkers
from gateway.stores.postgres.system_keys import Purpose, SystemKeys
from gateway.stores.postgres.users import NewUser
from gateway.stores.postgres.vault import NoMasterKey, Vault
from tests.acting import acts_of
from tests.conftest import Clock, Pool, RandomBytes
from tests.exhaustive import EXHAUSTIVE

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
OLD_ID, NEW_ID = master_id(OLD), master_id(NEW)
PEOPLE = 1_300  # three batches


def node(pool: Pool, *keys: bytes, seed: int = 7) -> Acts:
    """A process with these master keys."""
    source = RandomBytes()
    source.source.seed(seed)
    return acts_of(pool, Clock(), Vault(MasterKeys(keys), b"i" * 32, source))


async def agreed(pool: Pool, *keys: bytes) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await agree(connection, {master_name(master_id(key)): key for key in keys})


async def seen_on(pool: Pool, name: str, *keys: bytes, silent_s: int = 0) -> None:
    async with pool.acquire() as connection:
        await PolicyWorkers(connection).report(name, 0, "v", "", 0, master_ids=[master_id(key) for key in keys])
        await connection.execute(
            "UPDATE policy_workers SET seen_at = now() - make_interval(secs => $1) WHERE node = $2", silent_s, name
        )


async def add(acts: Acts, number: int) -> UUID:
    user_id = UUID(int=1_000 + number)
    async with acts.begin() as act:
        await act.users.add(NewUser(user_id, f"user{number}", "", "", (), "x"), act.now)
    return user_id


async def opens(acts: Acts, number: int) -> bool:
    async with acts.begin() as act:
        return await act.users.find_by_name(f"user{number}") is not None


async def one_of_each(acts: Acts) -> None:
    """A row in each table with keys; those of signing keys are any secret."""
    await add(acts, 0)
    async with acts.begin() as act:
        await act.unknown_names.renew(act.now)
    await installation_keys(acts)
    wrapped = acts.vault.wrap_secret(b"signing", b"secret")
    await acts.pool.execute(
        "INSERT INTO signing_keys (kid, alg, public, wrapped, created_at, active_from)"
        " VALUES ('K', 'ES256', '{}', $1, 1, 1), ('gone', 'ES256', '{}', NULL, 1, 1)",
        wrapped.token,
    )
    await acts.pool.execute(
        "INSERT INTO endpoints (id, wrapped, filter, ordered, personal, cursor)"
        " VALUES ('ep_aaaaaaaa', $1, '{}', false, false, 0)",
        wrapped.token,
    )


async def installation_keys(acts: Acts) -> None:
    """Made or opened."""
    async with acts.pool.acquire() as connection, connection.transaction():
        await SystemKeys(connection, acts.vault).of(Purpose.HOLDS)
        await PeriodKeys(connection, acts.vault).of(acts.clock())


async def rows(pool: Pool) -> dict[str, dict[str, int]]:
    async with pool.acquire() as connection:
        return {master: dict(found) for master, found in (await MasterRows(connection).counts()).items()}


async def kinds(pool: Pool) -> list[tuple[str, str, str]]:
    found = await pool.fetch(
        "SELECT kind, actor, detail FROM audit_entries WHERE kind LIKE 'key_rotation%' ORDER BY id"
    )
    return [(row["kind"], row["actor"], row["detail"]) for row in found]


async def test_every_table_with_a_wrapped_column_is_wrapped_anew(pool: Pool) -> None:
    query = "SELECT table_name FROM information_schema.columns WHERE column_name = $1 AND table_schema = 'public'"

    for column in ("wrapped", "master_id"):
        assert {row["table_name"] for row in await pool.fetch(query, column)} == set(WRAPPED_TABLES)


async def test_the_first_key_of_the_first_node_wraps_and_of_a_later_one_does_not(pool: Pool) -> None:
    await agreed(pool, OLD)
    late = node(pool, NEW, OLD)
    await agreed(pool, NEW, OLD)
    assert late.vault.master == NEW_ID

    await MasterRotation(late).follow()
    await add(late, 1)

    assert late.vault.master == OLD_ID
    assert await rows(pool) == {OLD_ID: {"user_keys": 1}}


async def test_a_rotation_takes_every_row_and_says_so_twice_a_beat_apart(pool: Pool) -> None:
    await agreed(pool, OLD)
    await one_of_each(node(pool, OLD))
    rotation = MasterRotation(node(pool, NEW, OLD), "cli:root")

    await rotation.begin()
    first = await rows(pool)
    await rotation.work()
    second = await rows(pool)
    once = await kinds(pool)
    await rotation.work()
    await rotation.work()

    assert sum(sum(found.values()) for found in first.values()) == len(WRAPPED_TABLES)
    assert second == {NEW_ID: dict.fromkeys(WRAPPED_TABLES, 1)}
    begun = (
        "key_rotation_begun",
        "cli:root",
        json.dumps({"master": NEW_ID, "previous": OLD_ID}, separators=(",", ":")),
    )
    assert once == [begun]
    assert await kinds(pool) == [begun, ("key_rotation_done", "gateway", f'{{"master":"{NEW_ID}"}}')]
    alone = node(pool, NEW)
    assert await opens(alone, 0)
    await installation_keys(alone)
    async with alone.begin() as act:
        assert await act.unknown_names.current(act.now) is not None
    assert alone.vault.unwrap_secret(
        b"signing", await pool.fetchval("SELECT wrapped FROM signing_keys WHERE kid = 'K'")
    )


async def test_a_rotation_is_refused_until_every_living_worker_has_the_key(pool: Pool) -> None:
    await agreed(pool, OLD)
    await seen_on(pool, "node-a", NEW, OLD)
    await seen_on(pool, "node-b", OLD, silent_s=58)
    await seen_on(pool, "node-c", OLD)
    await seen_on(pool, "node-d", OLD, silent_s=61)
    rotation = MasterRotation(node(pool, NEW, OLD), "cli:root")

    with pytest.raises(NotEverywhere) as refused:
        await rotation.begin()
    state = (await key_status(rotation.acts)).masters
    await seen_on(pool, "node-b", NEW, OLD)
    await seen_on(pool, "node-c", OLD, NEW)
    await rotation.begin()

    assert "node-b, worker 0, node-c, worker 0;" in str(refused.value)
    assert "node-a" not in str(refused.value)
    assert "node-d" not in str(refused.value)
    assert {one.id: one.is_active for one in state} == {OLD_ID: True, NEW_ID: False}
    assert [kind for kind, _, _ in await kinds(pool)] == ["key_rotation_begun"]


async def test_the_key_that_wraps_already_and_one_that_is_not_here_are_refused(pool: Pool) -> None:
    await agreed(pool, OLD)
    rotation = MasterRotation(node(pool, OLD), "cli:root")

    with pytest.raises(NothingToRotate, match=OLD_ID):
        await rotation.begin()
    with pytest.raises(NoMasterKey, match="cafecafe"):
        await rotation.begin("cafecafe")


async def test_nobody_fails_while_people_come_and_log_in_on_two_nodes(pool: Pool) -> None:
    """One of them hears of the new key only after the rows were wrapped once."""
    await agreed(pool, OLD)
    first, second = node(pool, OLD, NEW), node(pool, NEW, OLD, seed=8)
    await MasterRotation(second).follow()
    for number in range(20):
        await add(first, number)
    leader, ended = MasterRotation(first, "cli:root"), asyncio.Event()

    async def live(acts: Acts, start: int) -> int:
        number = start
        while not ended.is_set():
            await add(acts, number)
            assert await opens(acts, number)
            assert await opens(acts, number % 20)
            number += 1
        return number - start

    living = [asyncio.create_task(live(first, 100)), asyncio.create_task(live(second, 10_000))]
    await leader.begin(NEW_ID)
    for _ in range(3):
        await leader.work()
    await add(second, 5_000)
    late = (await rows(pool)).get(OLD_ID)
    await MasterRotation(second).follow()
    await asyncio.sleep(0.1)
    for _ in range(3):
        await leader.work()
    ended.set()
    added = [await one for one in living]
    await leader.work()

    assert late, "the second node has wrapped with the old key meanwhile"
    assert min(added) > 0
    assert await rows(pool) == {NEW_ID: {"user_keys": 21 + sum(added)}}
    alone = node(pool, NEW)
    assert all([await opens(alone, number) for number in range(20)])


async def test_a_node_without_the_key_that_rows_need_does_not_serve(pool: Pool) -> None:
    await agreed(pool, OLD)
    await add(node(pool, OLD), 1)

    with pytest.raises(NoMasterKey, match=OLD_ID):
        await agreed(pool, NEW)
    await MasterRotation(node(pool, NEW, OLD), "cli:root").begin()
    with pytest.raises(NoMasterKey, match=NEW_ID):
        await agreed(pool, OLD)
    with pytest.raises(NoMasterKey, match=NEW_ID):
        await MasterRotation(node(pool, OLD)).follow()
    await agreed(pool, OLD, NEW)


async def test_an_old_key_may_be_destroyed_only_once_nothing_is_under_it(pool: Pool) -> None:
    await agreed(pool, OLD)
    await add(node(pool, OLD), 1)
    await pool.execute("UPDATE user_keys SET master_id = NULL")
    rotation = MasterRotation(node(pool, NEW, OLD, OTHER), "cli:root")
    await agreed(pool, NEW, OLD, OTHER)

    before = await key_status(rotation.acts)
    await rotation.begin()
    during = await key_status(rotation.acts)
    await rotation.work()
    after = await key_status(rotation.acts)

    def free(found: object) -> set[str]:
        return {one.id for one in found.masters if one.may_be_destroyed}  # type: ignore[attr-defined]  # a KeyStatus

    assert (free(before), free(during)) == (set(), set())
    assert free(after) == {OLD_ID, master_id(OTHER)}
    assert before.unused == [NEW_ID, OLD_ID, master_id(OTHER)][::2]
    assert not during.done


@pytest.mark.parametrize("seed", range(34 if EXHAUSTIVE else 1))
async def test_leaders_that_are_killed_in_the_middle_are_followed_by_one_that_ends_it(
    pool: Pool, database_url: str, seed: int
) -> None:
    """Three of them, each some time after its first batch."""
    rng = random.Random(seed)
    await agreed(pool, OLD)
    acts = node(pool, NEW, OLD)
    await MasterRotation(acts).follow()
    async with acts.begin() as act:
        for number in range(PEOPLE):
            await act.users.add(NewUser(UUID(int=1_000 + number), f"user{number}", "", "", (), "x"), act.now)
    await MasterRotation(acts, "cli:root").begin()

    async def under(master: str) -> int:
        return int(await pool.fetchval("SELECT count(*) FROM user_keys WHERE master_id = $1", master))

    left = list[int]()
    for _ in range(3):
        killed = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.flows.rewrapper", database_url, cwd=Path(__file__).parents[2]
        )
        before = await under(OLD_ID)
        async with asyncio.timeout(60):
            while 0 < await under(OLD_ID) == before:
                await asyncio.sleep(0.005)
        await asyncio.sleep(rng.uniform(0, 0.4))
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
        left.append(await under(OLD_ID))
    successor = MasterRotation(node(pool, OLD, NEW))
    for _ in range(2):
        await successor.work()

    assert all((PEOPLE - one) % 500 == 0 for one in left if one), "a batch is wrapped anew whole or not at all"
    assert 0 < left[0] < PEOPLE
    assert (await rows(pool))[NEW_ID]["user_keys"] == PEOPLE
    assert [kind for kind, _, _ in await kinds(pool)] == ["key_rotation_begun", "key_rotation_done"]
    alone = node(pool, NEW)
    assert all([await opens(alone, number) for number in range(0, PEOPLE, 100)])
