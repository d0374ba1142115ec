"""Erasing somebody: what is left of them, who is in time to stop it, and what a crash in between leaves to others."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.audit.catalogue import LoggedIn
from gateway.core.audit.evidence_events import BackupMade
from gateway.core.audit.statement import opened
from gateway.core.privacy.erasure import CERTIFICATE, DELETED, KEPT, ErasureStep
from gateway.core.privacy.names import USED_NAME_S
from gateway.core.session.tokens import tag_of
from gateway.core.units import DAY_S
from gateway.flows.evidence.audit_log import Linker, verify
from gateway.flows.people.users import UserAdmin
from gateway.flows.privacy.erasure import Certificate, Erasure, NodeFiles, Unfinished
from gateway.flows.privacy.ledger import LedgerKeeper
from gateway.stores.files.checkpoints import public_key_files, read_public_keys
from gateway.stores.files.ledger import FILE_NAME, Erased, read_ledger
from gateway.stores.postgres.users import NameUsed, UnknownUser
from gateway.stores.redis.wire import person_key
from tests.conftest import Pool
from tests.databases import tampering
from tests.flows.conftest import ADA, KEYS, PASSWORD, Stage
from tests.flows.erasing import WORDS, everything, finished


async def test_nothing_of_an_erased_person_is_left_in_any_table(stage: Stage, erasure: Erasure) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    assert await stage.passes(session)
    async with stage.admin.acts.begin() as act:
        act.record(LoggedIn(user_id, "L", address="203.0.113.7", user_agent="Firefox"))
    async with stage.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_terms") == 1

    erased = await erasure.erase("ada", "asked", "cli:root")
    certificate = await finished(erasure, erased)

    assert erased == user_id
    assert await stage.passes(session) is None
    assert await stage.admin.find("ada") is None
    assert await stage.admin.list() == []
    left = await everything(stage.pool)
    assert [word for word in WORDS if word in left] == []
    assert certificate.reach.hosts == ("app.example.com",)
    async with stage.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_terms") == 0


async def test_the_chain_verifies_and_entries_stand_without_words(
    stage: Stage, erasure: Erasure, files: NodeFiles
) -> None:
    await stage.admin.add(ADA, PASSWORD)
    linker = Linker(stage.pool, files.data_dir, None, stage.clock.seconds)
    await linker.work()

    await finished(erasure, await erasure.erase("ada", "asked", "cli:root"))
    await linker.work()

    async with stage.admin.acts.begin() as act:
        erased, added = await act.audit.newest(None, None, 2, since=0, after=0)
    assert (erased.entry.kind, json.loads(erased.entry.detail)["reason"], erased.entry.actor) == (
        "user_erased",
        "asked",
        "cli:root",
    )
    assert (added.entry.kind, added.personal, added.unreadable) == ("user_added", {}, "the person was erased")
    verdict = await verify(stage.pool, stage.clock.now)
    assert (verdict.fault, verdict.position) == (None, 2)


async def test_every_table_with_rows_of_people_is_judged(stage: Stage) -> None:
    async with stage.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND (data_type = 'uuid' OR column_name ~ '^(user|person|subject)(_id)?$')"
        )
    found = {(row["table_name"], row["column_name"]) for row in rows}

    assert {one for one in found if one[0] not in KEPT} == set(DELETED.items())
    assert set(KEPT) == {table for table, _ in found if table not in DELETED}


async def test_the_files_of_the_key_tables_hold_no_destroyed_key(stage: Stage, erasure: Erasure) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    async with stage.pool.acquire() as connection:
        key = await connection.fetchval("SELECT wrapped FROM user_keys WHERE user_id = $1", user_id)
        assert key in await file_of_keys(stage.pool)

        await finished(erasure, await erasure.erase("ada", "asked", "cli:root"))

        assert key not in await file_of_keys(stage.pool)


async def test_there_is_no_certificate_while_somebody_still_sees_the_key(stage: Stage, erasure: Erasure) -> None:
    """As pg_dump does; then VACUUM would copy it."""
    user_id = await stage.admin.add(ADA, PASSWORD)
    async with stage.pool.acquire() as dump:
        async with dump.transaction(isolation="repeatable_read", readonly=True):
            key = await dump.fetchval("SELECT wrapped FROM user_keys")
            await erasure.erase("ada", "asked", "cli:root")
            with pytest.raises(Unfinished, match="still sees the key"):
                await erasure.finish(user_id)
            assert await dump.fetchval("SELECT count(*) FROM user_keys") == 1
        await erasure.work()
        assert key not in await file_of_keys(stage.pool)

    assert (await finished(erasure, user_id)).jws


async def test_there_is_no_certificate_while_the_key_table_is_in_use(stage: Stage, erasure: Erasure) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    async with stage.pool.acquire() as reader:
        await erasure.erase("ada", "asked", "cli:root")
        async with reader.transaction():
            await reader.execute("LOCK TABLE user_keys IN ACCESS SHARE MODE")
            with pytest.raises(Unfinished, match="in use"):
                await erasure.finish(user_id)

    assert (await finished(erasure, user_id)).jws


async def test_the_certificate_is_signed_by_the_key_beside_the_checkpoints(
    stage: Stage, erasure: Erasure, files: NodeFiles
) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)

    async with erasure.acts.begin(operator="cli:root") as act:
        made_at = act.now
        act.record(BackupMade(None, "kept", 1, 0))
    stage.clock.now += DAY_S
    certificate = await finished(erasure, await erasure.erase("ada", "asked", "cli:root"))
    async with erasure.acts.begin(operator="cli:root") as act:
        act.record(BackupMade(None, "later", 1, 0))

    keys = read_public_keys(public_key_files(files.directory))
    claims = json.loads(opened(certificate.jws, CERTIFICATE, keys))
    assert (claims["user"], claims["user_name_kept_until"]) == (str(user_id), stage.clock.now + USED_NAME_S)
    assert claims["backups_until"] == made_at + erasure.keep_s
    assert claims["steps"] == {
        step.value: stage.clock.now for step in ErasureStep if step is not ErasureStep.CERTIFICATE
    }
    assert (await finished(erasure, user_id)).jws == certificate.jws


async def test_the_ledger_of_each_node_has_everybody_once(
    stage: Stage, erasure: Erasure, files: NodeFiles, tmp_path: Path
) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    other = NodeFiles(tmp_path / "other", tmp_path / "other")
    told = dict[str, int]()
    keepers = [LedgerKeeper(erasure.acts, one, 30 * 86_400, told.__setitem__) for one in (files, other)]
    await finished(erasure, await erasure.erase("ada", "asked", "cli:root"))

    for keeper in keepers:
        await keeper.work()
        await keeper.work()

    assert told == {"asked": 0, "unfinished": 0}
    for directory in (files.directory, other.directory):
        keys = read_public_keys(public_key_files(directory))
        assert read_ledger(directory / FILE_NAME, keys) == [Erased(user_id, stage.clock.now)]


async def test_redis_has_no_record_of_the_person(stage: Stage, erasure: Erasure, redis: Redis) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    assert await stage.passes(session)
    person = person_key(tag_of(KEYS.tag, user_id))
    assert await redis.exists(person)

    await finished(erasure, await erasure.erase("ada", "asked", "cli:root"))

    assert not await redis.exists(person)
    assert {await redis.get(key) for key in await redis.keys("*")} <= {b"X"}


async def test_who_erases_without_redis_leaves_it_to_the_leader(
    stage: Stage, erasure: Erasure, admin_without_redis: UserAdmin
) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    assert await stage.passes(session)
    alone = replace(erasure, acts=admin_without_redis.acts)

    with pytest.raises(Unfinished, match="Redis"):
        await alone.finish(await alone.erase("ada", "asked", "cli:root"))
    await erasure.work()

    assert await stage.passes(session) is None
    assert (await finished(erasure, user_id)).jws


async def test_of_two_that_erase_at_once_one_does(stage: Stage, erasure: Erasure) -> None:
    user_id = await stage.admin.add(ADA, PASSWORD)

    erasing = (erasure.erase("ada", "asked", "cli:root") for _ in range(2))
    done = await asyncio.gather(*erasing, return_exceptions=True)
    certificates = await asyncio.gather(*(erasure.finish(user_id) for _ in range(2)), return_exceptions=True)

    assert [one for one in done if not isinstance(one, UnknownUser)] == [user_id]
    assert await stage.entries("user_erased") == 1
    jws = {one.jws for one in certificates if isinstance(one, Certificate)}
    assert jws <= {(await finished(erasure, user_id)).jws}


async def test_a_login_that_races_the_erasure_is_none(stage: Stage, erasure: Erasure) -> None:
    """It waits for the person, and finds them gone; or it was first, and ends."""
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    async with stage.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM users WHERE id = $1 FOR SHARE", user_id)
            erasing = asyncio.create_task(erasure.erase("ada", "asked", "cli:root"))
            await stage.waits_for_a_lock()
            late = asyncio.create_task(stage.sign_in(user_id))
            await asyncio.sleep(0)
        await erasing

        token = await late
        assert token is None or await stage.passes(token) is None
        assert await connection.fetchval("SELECT count(*) FROM logins") == 0
    assert await stage.passes(session) is None


async def test_the_erasure_gives_way_to_whoever_holds_a_row_and_needs_the_person(
    stage: Stage, erasure: Erasure
) -> None:
    """As a logout does that tells apps: its login first, and the person by the message's foreign key."""
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    async with stage.pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE logins SET ended_at = 1, ended_why = 'logout' WHERE user_id = $1", user_id)
        erasing = asyncio.create_task(erasure.erase("ada", "asked", "cli:root"))
        await stage.waits_for_a_lock()
        await connection.execute("SELECT 1 FROM users WHERE id = $1 FOR KEY SHARE", user_id)

    assert await erasing == user_id
    assert (await finished(erasure, user_id)).jws
    assert await stage.entries("user_erased") == 1


async def test_a_change_that_races_the_erasure_brings_no_word_back(stage: Stage, erasure: Erasure) -> None:
    await stage.admin.add(ADA, PASSWORD)
    user_id = (await stage.admin.show("ada")).user.id
    async with stage.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM users WHERE id = $1 FOR SHARE", user_id)
            erasing = asyncio.create_task(erasure.erase("ada", "asked", "cli:root"))
            await stage.waits_for_a_lock()
            changes = [stage.admin.rename("ada", "countess"), stage.admin.set_groups("ada", ("ops",))]
            changing = [asyncio.create_task(one) for one in (*changes, stage.admin.disable("ada"))]
            await asyncio.sleep(0.2)
        await erasing
        await asyncio.gather(*changing, return_exceptions=True)

        row = await connection.fetchrow("SELECT state, username_index, sealed, groups FROM users")
    assert row is not None
    assert tuple(row) == ("erased", None, b"", [])


async def test_names_of_an_erased_person_are_nobodys_for_three_years(stage: Stage, erasure: Erasure) -> None:
    """Apps may still know the person by them (X7)."""
    before = await stage.admin.add(ADA, PASSWORD)
    await stage.admin.rename("ada", "countess")
    await finished(erasure, await erasure.erase("countess", "asked", "cli:root"))

    stage.clock.now += USED_NAME_S - 1
    for name in ("ada", "Countess"):
        with pytest.raises(NameUsed, match="--reuse-name"):
            await stage.admin.add(replace(ADA, username=name), PASSWORD)
    stage.clock.now += 1

    assert await stage.admin.add(ADA, PASSWORD) != before


async def file_of_keys(pool: Pool) -> bytes:
    """As it lies on the disk."""
    async with tampering(pool) as connection:
        await connection.execute("CHECKPOINT")
        directory = await connection.fetchval("SHOW data_directory")
        return Path(directory, await connection.fetchval("SELECT pg_relation_filepath('user_keys')")).read_bytes()
