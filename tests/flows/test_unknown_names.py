"""The key of the marks for names that nobody has lives for 90 days, on all nodes alike, and then it is nowhere."""

import asyncio
import gc
from base64 import urlsafe_b64encode
from pathlib import Path
from random import Random

import pytest
from cryptography.fernet import Fernet

from gateway.core.privacy.sealing import DATA_KEY_BYTES, DataKey, MasterKeys
from gateway.core.privacy.unknown_names import KEY_OWNER, PERIOD_S
from gateway.flows.people.unknown_names import UnknownNames
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of
from tests.conftest import Clock, Pool, RandomBytes
from tests.databases import tampering
from tests.flows.conftest import KEYS


@pytest.fixture
def names(pool: Pool, vault: Vault, clock: Clock) -> UnknownNames:
    return UnknownNames(acts_of(pool, clock, vault))


@pytest.fixture
def other_random() -> RandomBytes:
    return RandomBytes(Random(8))


@pytest.fixture
def other_node(pool: Pool, other_random: RandomBytes, clock: Clock) -> UnknownNames:
    vault = Vault(MasterKeys([b"m" * 32]), KEYS.blind_index, other_random)
    return UnknownNames(acts_of(pool, clock, vault))


async def wrapped(pool: Pool) -> list[bytes]:
    async with pool.acquire() as connection:
        return [bytes(row["wrapped"]) for row in await connection.fetch("SELECT wrapped FROM unknown_name_keys")]


async def renewals(pool: Pool) -> int:
    async with pool.acquire() as connection:
        kind = "unknown_names_renewed"
        return int(await connection.fetchval("SELECT count(*) FROM audit_entries WHERE kind = $1", kind))


async def test_a_name_has_one_mark_for_90_days_and_another_after(names: UnknownNames, clock: Clock) -> None:
    first = await names.mark("hunter2")
    clock.advance(PERIOD_S - 1)
    last = await names.mark("Hunter2 ")
    clock.advance(1)

    assert first == last
    assert await names.mark("hunter2") != first
    assert await names.mark("hunter2") == await names.mark("hunter2")


async def test_all_nodes_have_the_same_marks_and_follow_to_the_next_key(
    names: UnknownNames, other_node: UnknownNames, clock: Clock
) -> None:
    before = await names.mark("hunter2")
    assert await other_node.mark("hunter2") == before

    clock.advance(PERIOD_S)
    after = await other_node.mark("hunter2")

    assert await names.mark("hunter2") == after != before


async def test_of_many_who_find_no_key_at_once_one_makes_it(
    names: UnknownNames, other_node: UnknownNames, pool: Pool, clock: Clock
) -> None:
    for _ in range(2):
        marks = await asyncio.gather(*(node.mark("hunter2") for node in (names, other_node) * 4))

        assert len(set(marks)) == 1
        assert len(await wrapped(pool)) == 1
        clock.advance(PERIOD_S)
    assert await renewals(pool) == 2


async def test_the_leader_destroys_the_key_though_nobody_comes(names: UnknownNames, pool: Pool, clock: Clock) -> None:
    await names.work()
    (old,) = await wrapped(pool)
    clock.advance(PERIOD_S - 1)
    await names.work()
    assert await wrapped(pool) == [old]

    clock.advance(1)
    await names.work()

    (new,) = await wrapped(pool)
    assert new != old
    assert await renewals(pool) == 2


async def test_a_key_that_was_destroyed_is_in_no_file_of_the_table(
    names: UnknownNames, pool: Pool, clock: Clock
) -> None:
    """A deleted row stays where it was until something overwrites it."""
    await names.work()
    (old,) = await wrapped(pool)
    assert old in await table_bytes(pool)

    clock.advance(PERIOD_S)
    await names.mark("hunter2")
    assert old in await table_bytes(pool), "deleted, and still to be read by who has the disk"
    await names.work()

    (new,) = await wrapped(pool)
    found = await table_bytes(pool)
    assert new in found
    assert old not in found


async def test_no_key_stays_in_the_memory_of_a_node(pool: Pool, clock: Clock) -> None:
    """Neither raw nor as the key of a cipher: it is asked for anew each time."""
    given: list[bytes] = []
    source = RandomBytes()

    def random(size: int) -> bytes:
        made = source(size)
        if size == DATA_KEY_BYTES:
            given.append(made[:4])  # enough to know it by
        return made

    names = UnknownNames(acts_of(pool, clock, Vault(MasterKeys([b"m" * 32]), KEYS.blind_index, random)))
    await names.mark("hunter2")
    await names.work()
    gc.collect()

    (_decoy, made) = given
    living = [one for one in gc.get_objects() if isinstance(one, (DataKey, Fernet))]
    raw = [one.raw if isinstance(one, DataKey) else one._signing_key + one._encryption_key for one in living]
    assert not any(one.startswith(made) for one in raw)


async def test_a_key_under_a_master_key_that_has_gone_is_replaced(
    pool: Pool, names: UnknownNames, other_random: RandomBytes, clock: Clock
) -> None:
    before = await names.mark("hunter2")
    changed = UnknownNames(acts_of(pool, clock, Vault(MasterKeys([b"n" * 32]), KEYS.blind_index, other_random)))

    after = await changed.mark("hunter2")

    assert after != before
    assert await changed.mark("hunter2") == after
    assert len(await wrapped(pool)) == 1


async def test_a_key_is_stored_under_the_master_key_only(names: UnknownNames, pool: Pool, vault: Vault) -> None:
    await names.mark("hunter2")
    (stored,) = await wrapped(pool)

    raw = vault.open(KEY_OWNER, stored).raw

    assert raw not in stored
    assert urlsafe_b64encode(raw) not in stored


async def table_bytes(pool: Pool) -> bytes:
    """What is on the disk once Postgres has written what it holds."""
    async with tampering(pool) as connection:
        await connection.execute("CHECKPOINT")
        path = await connection.fetchval(
            "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('unknown_name_keys')"
        )
    return Path(path).read_bytes()
