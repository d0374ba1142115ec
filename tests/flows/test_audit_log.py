"""A fault in the audit log is found and named, and what the chain can't show is shown by a checkpoint outside."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from gateway.core.audit.chain import chain
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry
from gateway.flows.evidence.audit_entries import list_entries
from gateway.flows.evidence.audit_log import Linker, Verification, count_waiting, verify
from gateway.stores.files.checkpoints import FILE_NAME, public_key_files, read_checkpoints, read_public_keys
from gateway.stores.postgres.audit import Audit, Chain
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from tests.conftest import Clock, Pool
from tests.databases import tampering

ADA, EVE = UUID(int=1), UUID(int=2)


@pytest.fixture
async def people(pool: Pool, vault: Vault) -> Pool:
    async with pool.acquire() as connection, connection.transaction():
        for user_id, name in ((ADA, "ada"), (EVE, "eve")):
            await Users(connection, vault).add(NewUser(user_id, name, "", "", (), "secret"), 100)
    return pool


@pytest.fixture
def linker(people: Pool, clock: Clock, tmp_path: Path) -> Linker:
    return Linker(people, tmp_path / "data", tmp_path / "checkpoints", clock.seconds)


@pytest.fixture
def append(people: Pool, vault: Vault, clock: Clock) -> Callable[..., object]:
    """As many logins of ada, now."""

    async def append(count: int, kind: Kind = Kind.LOGIN) -> None:
        async with people.acquire() as connection, connection.transaction():
            for number in range(count):
                personal = {"address": "203.0.113.7"} if kind is Kind.LOGIN else {}
                entry = Entry(kind, clock.now, str(ADA), ADA, {"login": str(number)}, personal, "r")
                await Audit(connection, vault).append(entry)

    return append


async def judged(linker: Linker, directory: Path | None = None) -> Verification:
    """directory: where checkpoints and keys are; the linker's own."""
    directory = directory or linker.checkpoint_dir
    assert directory is not None
    file = directory / FILE_NAME
    checkpoints = read_checkpoints(file, read_public_keys(public_key_files(directory))) if file.exists() else []
    return await verify(linker.pool, linker.clock(), checkpoints)


async def cut_off(pool: Pool, after: int) -> None:
    async with tampering(pool) as connection:
        await connection.execute("DELETE FROM audit_links WHERE position > $1", after)
        await connection.execute("DELETE FROM audit_entries WHERE id > $1", after)


Append = Callable[..., "asyncio.Future[None]"]


async def test_a_log_that_nobody_touched_is_whole(linker: Linker, append: Append) -> None:
    await append(7)
    await linker.work()

    verdict = await judged(linker)

    assert (verdict.fault, verdict.position, verdict.late, verdict.checkpoints) == (None, 7, 0, 1)
    assert verdict.newest == Checkpoint(7, 7, linker.clock(), verdict.head)


async def test_an_empty_log_is_whole(linker: Linker) -> None:
    await linker.work()

    verdict = await judged(linker)

    assert (verdict.fault, verdict.position, verdict.checkpoints) == (None, 0, 0)


async def test_more_than_a_batch_is_linked_in_one_round(linker: Linker, append: Append) -> None:
    await append(1200)

    assert await linker.link_all() == 1200

    assert await linker.link_all() == 0
    assert (await judged(linker)).position == 1200


async def test_two_linkers_at_once_make_one_chain(linker: Linker, append: Append) -> None:
    await append(1100)
    other = replace(linker, data_dir=linker.data_dir)

    with capture_logs() as logs:
        await asyncio.gather(linker.work(), other.work(), append(3))
        await linker.work()

    verdict = await judged(linker)
    assert (verdict.fault, verdict.position, logs) == (None, 1103, [])


async def test_an_entry_that_was_changed_is_found(linker: Linker, append: Append) -> None:
    await append(600)
    await linker.work()
    async with tampering(linker.pool) as connection:
        await connection.execute("UPDATE audit_entries SET actor = 'eve' WHERE id = 555")

    assert (await judged(linker)).fault == "position 555 (entry 555) was changed after it was linked"


async def test_an_entry_that_was_taken_out_is_found(linker: Linker, append: Append) -> None:
    await append(5)
    await linker.work()
    async with tampering(linker.pool) as connection:
        await connection.execute("DELETE FROM audit_entries WHERE id = 2")

    assert (await judged(linker)).fault == "position 2 is missing: the next is 3"


async def test_a_last_entry_that_was_taken_out_is_found_by_its_link(linker: Linker, append: Append) -> None:
    await append(5)
    await linker.link_all()
    async with tampering(linker.pool) as connection:
        await connection.execute("DELETE FROM audit_entries WHERE id = 5")

    assert (await judged(linker)).fault == "position 5 is linked, but its entry is gone"


async def test_a_tail_that_was_cut_off_is_found_by_a_checkpoint(linker: Linker, append: Append) -> None:
    await append(5)
    await linker.work()
    await cut_off(linker.pool, 3)

    fault = (await judged(linker)).fault

    assert fault is not None
    assert fault.startswith("the chain ends at position 3, but the checkpoint of 1790000000")
    assert (await verify(linker.pool, linker.clock())).fault is None, "the chain alone can't show it"


async def test_a_tail_cut_to_an_older_checkpoint_is_found_by_a_copy_elsewhere(
    linker: Linker, append: Append, clock: Clock, tmp_path: Path
) -> None:
    await append(3)
    await linker.work()
    clock.advance(60)
    await append(2)
    await linker.work()
    assert linker.checkpoint_dir is not None
    shutil.copytree(linker.checkpoint_dir, tmp_path / "elsewhere")

    await cut_off(linker.pool, 3)
    own = linker.checkpoint_dir / FILE_NAME
    own.write_text(own.read_text().splitlines()[0] + "\n")

    assert (await judged(linker)).fault is None
    fault = (await judged(linker, tmp_path / "elsewhere")).fault
    assert fault is not None
    assert "saw position 5" in fault


async def test_a_history_that_was_written_anew_is_found_by_a_checkpoint(linker: Linker, append: Append) -> None:
    await append(5)
    await linker.work()
    async with tampering(linker.pool) as connection:
        await connection.execute("UPDATE audit_entries SET actor = 'eve' WHERE id = 4")
        await connection.execute("DELETE FROM audit_links WHERE position >= 4")
        await connection.execute("INSERT INTO audit_queue SELECT id FROM audit_entries WHERE id >= 4")
    await linker.link_all()

    fault = (await judged(linker)).fault

    assert fault is not None
    assert fault.startswith("position 5 contradicts the checkpoint of 1790000000")
    assert (await verify(linker.pool, linker.clock())).fault is None


async def test_an_entry_may_wait_five_seconds_for_its_link(linker: Linker, append: Append, clock: Clock) -> None:
    await append(2)

    clock.advance(5)
    in_time = await judged(linker)
    clock.advance(1)
    late = await judged(linker)

    assert (in_time.fault, in_time.late) == (None, 0)
    assert late.late == 2
    assert late.fault is not None
    assert late.fault.startswith("2 entries older than 5 s in no chain")


async def test_links_that_were_taken_away_show_even_without_checkpoints(
    linker: Linker, append: Append, clock: Clock
) -> None:
    await append(5)
    await linker.link_all()
    async with tampering(linker.pool) as connection:
        await connection.execute("DELETE FROM audit_links WHERE position > 3")
    clock.advance(6)
    await linker.link_all()

    assert (await judged(linker)).late == 2


async def test_verifying_changes_nothing(linker: Linker, append: Append) -> None:
    await append(2)

    await judged(linker)

    async with linker.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_queue") == 2
        assert await connection.fetchval("SELECT count(*) FROM audit_links") == 0


async def test_a_round_signs_a_minute_after_the_last_and_only_what_is_new(
    linker: Linker, append: Append, clock: Clock
) -> None:
    positions = []
    for seconds, entries in ((0, 2), (59, 1), (1, 0), (60, 0), (0, 1)):
        clock.advance(seconds)
        await append(entries)
        await linker.work()
        newest = (await judged(linker)).newest
        positions.append(newest.position if newest else 0)

    assert positions == [2, 2, 3, 3, 4]


async def test_a_thousand_entries_are_signed_within_the_minute(linker: Linker, append: Append) -> None:
    await append(1)
    await linker.work()

    await append(999)
    await linker.work()
    early = (await judged(linker)).checkpoints
    await append(1)
    await linker.work()

    assert (early, (await judged(linker)).checkpoints) == (1, 2)


async def test_linking_goes_on_where_no_checkpoint_can_be_written(linker: Linker, append: Append) -> None:
    linker.checkpoint_dir = linker.data_dir / "file" / "below"
    linker.data_dir.mkdir()
    (linker.data_dir / "file").write_text("")
    await append(2)

    with capture_logs() as logs:
        await linker.work()
        await linker.work()

    assert (await verify(linker.pool, 0)).position == 2
    assert [line["event"] for line in logs] == ["no checkpoint of the audit log could be written"]


async def test_without_a_directory_no_checkpoint_is_written(linker: Linker, append: Append) -> None:
    linker.checkpoint_dir = None
    await append(1)

    await linker.work()

    assert not linker.data_dir.exists()


async def test_entries_are_listed_with_names_and_personal_words(linker: Linker, append: Append, vault: Vault) -> None:
    await append(2)
    await linker.link_all()
    await append(1, Kind.LOGOUT)

    listed = await list_entries(linker.pool, vault, None, None, 2)

    assert [(one.id, one.position, one.kind) for one in listed] == [(2, 2, "login"), (3, 0, "logout")]
    assert [(one.actor, one.subject, one.unreadable) for one in listed] == [("ada", "ada", "")] * 2
    assert listed[0].personal == {"address": "203.0.113.7"}
    assert listed[0].detail == {"login": "1"}


async def test_a_listing_can_be_of_one_person_and_one_kind(linker: Linker, append: Append, vault: Vault) -> None:
    await append(1)
    await append(1, Kind.LOGOUT)

    async def ids(subject: UUID | None, kind: str | None) -> list[int]:
        return [one.id for one in await list_entries(linker.pool, vault, subject, kind, 10)]

    assert await ids(None, "logout") == [2]
    assert await ids(ADA, None) == [1, 2]
    assert await ids(EVE, None) == []


async def test_without_their_key_a_persons_detail_is_gone_and_the_chain_is_whole(
    linker: Linker, append: Append, vault: Vault
) -> None:
    await append(1)
    await linker.work()
    async with linker.pool.acquire() as connection:
        await connection.execute("DELETE FROM user_keys WHERE user_id = $1", ADA)

    (listed,) = await list_entries(linker.pool, vault, None, None, 10)

    assert (listed.personal, listed.unreadable, listed.subject) == ({}, "the person was erased", str(ADA))
    assert (await judged(linker)).fault is None


async def test_personal_words_of_another_entry_are_not_believed(linker: Linker, append: Append, vault: Vault) -> None:
    await append(1)
    async with tampering(linker.pool) as connection:
        await connection.execute("UPDATE audit_entries SET subject = $1", EVE)

    (listed,) = await list_entries(linker.pool, vault, None, None, 10)

    assert listed.personal == {}
    assert "was not sealed with its person's key" in listed.unreadable


async def link_one(connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
    """As a linker does that has no time for more."""
    head = await Chain(connection).head()
    waiting = sorted(await Chain(connection).waiting(), key=lambda one: one.id)
    for one in chain(head.hash, head.position, waiting[:1]):
        await connection.execute(
            "INSERT INTO audit_links VALUES ($1, $2, $3, $4)", one.position, one.entry.id, one.prev_hash, one.hash
        )
        await connection.execute("DELETE FROM audit_queue WHERE entry_id = $1", one.entry.id)


async def links_slowly(pool: Pool) -> None:
    while True:
        async with pool.acquire() as connection, connection.transaction():
            await link_one(connection)
        await asyncio.sleep(0.1)


async def test_a_linker_that_is_behind_and_advances_is_no_fault(linker: Linker, clock: Clock, append: Append) -> None:
    """A storm: more come in a moment than are linked in it."""
    await append(50)
    clock.advance(60)

    going = asyncio.create_task(links_slowly(linker.pool))
    behind = await judged(linker)
    going.cancel()
    stands = await judged(linker)

    assert (behind.fault, behind.late > 0) == (None, True)
    assert "in no chain" in str(stands.fault)


async def test_a_link_that_was_removed_is_a_fault_also_while_a_linker_advances(
    linker: Linker, people: Pool, clock: Clock, append: Append
) -> None:
    await append(1)
    await people.execute("DELETE FROM audit_queue")
    await append(50)
    clock.advance(60)

    async with people.acquire() as connection, connection.transaction():
        await link_one(connection)
    going = asyncio.create_task(links_slowly(people))
    found = await judged(linker)
    going.cancel()

    assert "in no chain" in str(found.fault)


async def test_how_long_entries_wait_and_how_many_is_told(linker: Linker, clock: Clock, append: Append) -> None:
    waits: list[int] = []
    linker.waited = waits.append
    await append(3)
    clock.advance(7)

    waiting = await count_waiting(linker.pool)
    await linker.work()
    await linker.work()

    assert (waiting, await count_waiting(linker.pool)) == (3, 0)
    assert waits == [7]
