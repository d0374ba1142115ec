"""`bastion user erase` answers with a certificate, and whatever kills it leaves the rest to others."""

import asyncio
import fcntl
import json
import os
import random
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

import pytest

from gateway.core.audit.evidence_events import BackupMade
from gateway.core.privacy.erasure import ErasureStep
from tests.acting import acts_of
from tests.cli.conftest import Bastion
from tests.cli.test_user import PASSWORD, add_ada
from tests.conftest import Pool
from tests.exhaustive import KILLS
from tests.zygote import begun

Hindrance: TypeAlias = Callable[[Bastion, Pool], AbstractAsyncContextManager[None]]


async def steps_done(pool: Pool) -> set[str]:
    async with pool.acquire() as connection:
        rows = await connection.fetch("SELECT step FROM erasure_steps WHERE done_at IS NOT NULL")
    return {row["step"] for row in rows}


async def id_of_erased(pool: Pool) -> UUID:
    async with pool.acquire() as connection:
        found = await connection.fetchval("SELECT user_id FROM erasures")
    assert isinstance(found, UUID)
    return found


async def test_the_certificate_comes_with_what_is_out_of_reach(bastion: Bastion, pool: Pool) -> None:
    await add_ada(bastion)
    policies = bastion.directory / "policies"
    policies.mkdir()
    (policies / "apps.yaml").write_text("# Ada, ask her first\nx: [adam, canada]\ny: {users: [bob, ADA]}\nz: ada_2\n")

    erased = await bastion("user", "erase", "ada", "--reason", "asked")
    listed = await bastion("audit", "list")
    async with replace(acts_of(pool), clock=lambda: 1_790_000_000).begin(operator="cli:root") as act:
        act.record(BackupMade(None, "kept", 1, 0))
    again = await bastion("user", "erase", str(await id_of_erased(pool)))
    nobody = await bastion("user", "erase", "ada")

    assert (erased.status, erased.err) == (0, "")
    assert erased.out.startswith("ada is erased, and logged out everywhere. The id was ")
    assert "certificate: eyJ" in erased.out
    named = [line for line in erased.out.splitlines() if "names the person" in line]
    assert named == [
        "out of reach: apps.yaml:1 names the person; change it",
        "out of reach: apps.yaml:3 names the person; change it",
    ]
    assert "\nno `bastion backup` was made before" in erased.out
    assert "out of reach: backups made before, until 2026-10-21 " in again.out
    assert "Lovelace" not in listed.out
    assert "user_erased" in listed.out
    assert again.out.splitlines()[0] == erased.out.splitlines()[1]
    assert nobody.status == 1
    assert "no person" in nobody.err


@asynccontextmanager
async def ledger_taken(bastion: Bastion, _pool: Pool) -> AsyncIterator[None]:
    directory = bastion.directory / "checkpoints"
    directory.mkdir()
    file = os.open(directory / "erasures.jsonl", os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    yield
    os.close(file)


@asynccontextmanager
async def dump_running(_bastion: Bastion, pool: Pool) -> AsyncIterator[None]:
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("SELECT count(*) FROM users")
        yield


@pytest.mark.parametrize(
    ("hindrance", "done"),
    [
        (ledger_taken, {ErasureStep.ROWS, ErasureStep.REDIS}),
        (dump_running, {ErasureStep.ROWS, ErasureStep.REDIS, ErasureStep.LEDGER}),
    ],
)
async def test_an_erasure_that_was_killed_is_finished_by_whoever_comes_next(
    bastion: Bastion, pool: Pool, hindrance: Hindrance, done: set[ErasureStep]
) -> None:
    await add_ada(bastion)
    async with hindrance(bastion, pool):
        process = await bastion.start("user", "erase", "ada")
        while await steps_done(pool) < {step.value for step in done}:
            await asyncio.sleep(0.02)
        process.kill()
        await process.wait()
        assert await steps_done(pool) == {step.value for step in done}

    again = await bastion("user", "erase", str(await id_of_erased(pool)))

    assert again.status == 0, again.err
    assert again.out.startswith("certificate: eyJ")
    assert await steps_done(pool) == {step.value for step in ErasureStep}


async def test_what_waits_says_how_to_get_the_certificate(bastion: Bastion, pool: Pool) -> None:
    """It waits for the 20 seconds for which the command tries."""
    await add_ada(bastion)

    async with dump_running(bastion, pool):
        waits = await bastion("user", "erase", "ada")
        user_id = await id_of_erased(pool)

    assert waits.status == 1
    assert "still sees the key" in waits.err
    assert f"bastion user erase {user_id}" in waits.err
    assert "certificate: " not in waits.out


async def test_a_hold_is_said_and_refuses(bastion: Bastion) -> None:
    await add_ada(bastion)

    added = await bastion("hold", "add", "ada", "--reason", "case 2026-14")
    refused = await bastion("user", "erase", "ada")
    listed = await bastion("hold", "list")
    as_json = await bastion("hold", "list", "--json")
    lifted = await bastion("hold", "lift", "1")
    twice = await bastion("hold", "lift", "1")

    assert added.out == "Hold 1 keeps ada from being erased.\n"
    assert (refused.status, refused.out) == (1, "")
    assert "hold 1 keeps the person" in refused.err
    assert "ada" in listed.out
    assert "case 2026-14" in listed.out
    assert json.loads(as_json.out)[0]["ends_at"] is None
    assert lifted.out == "Hold 1 is lifted.\n"
    assert "no hold 1 stands" in twice.err


async def test_a_hold_names_a_person_or_says_that_it_is_of_all(bastion: Bastion) -> None:
    neither = await bastion("hold", "add", "--reason", "case")
    both = await bastion("hold", "add", "ada", "--all", "--reason", "case")
    endless = await bastion("hold", "add", "--all", "--reason", "case", "--for", "90")
    everybody = await bastion("hold", "add", "--all", "--reason", "audit of 2026", "--for", "90d")
    listed = await bastion("hold", "list")

    assert [one.status for one in (neither, both, endless, everybody)] == [2, 2, 2, 0]
    assert "audit of 2026" in listed.out
    assert "everybody" in listed.out


async def test_an_erasure_is_scheduled_listed_and_taken_back(bastion: Bastion, pool: Pool) -> None:
    await add_ada(bastion)

    scheduled = await bastion("user", "erase", "ada", "--after", "14d", "--reason", "unneeded")
    pending = await bastion("user", "erase", "--pending")
    withdrawn = await bastion("user", "erase", "ada", "--withdraw")
    nothing = await bastion("user", "erase", "ada", "--withdraw")
    empty = await bastion("user", "erase", "--pending")

    assert scheduled.out.startswith("ada is erased after 20")
    assert pending.out.startswith("ada ")
    assert "decided by an operator" in pending.out
    assert withdrawn.out == "ada is not erased.\n"
    assert nothing.status == 1
    assert "nobody has asked to erase ada" in nothing.err
    assert empty.out == ""
    assert await pool.fetchval("SELECT count(*) FROM erasures") == 0


@pytest.mark.parametrize(
    "arguments", [(), ("ada", "--pending"), ("ada", "--after", "14"), ("ada", "--after", "1d", "--withdraw")]
)
async def test_erase_takes_one_thing_at_a_time(bastion: Bastion, arguments: tuple[str, ...]) -> None:
    assert (await bastion("user", "erase", *arguments)).status == 2


async def test_a_copy_is_written_once_and_for_its_owner_alone(bastion: Bastion) -> None:
    await add_ada(bastion)

    written = await bastion("user", "export", "ada", "--to", "ada.zip")
    again = await bastion("user", "export", "ada", "--to", "ada.zip")
    listed = await bastion("audit", "list", "--kind", "data_exported")

    file = bastion.directory / "ada.zip"
    assert (written.status, written.err) == (0, "")
    assert again.status == 1
    assert "File exists" in again.err
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("data.json"))["person"]["username"] == "ada"
        assert "Ada Lovelace" in archive.read("data.html").decode()
    assert len(listed.out.splitlines()) == 1


async def test_an_erasure_that_is_killed_at_any_moment_is_whole_or_never_began(bastion: Bastion, pool: Pool) -> None:
    rng, in_the_middle = random.Random(7), 0
    for number in range(KILLS):
        name = f"ada{number}"
        assert (await bastion("user", "add", name, "--password-stdin", stdin=PASSWORD + "\n")).status == 0
        victim = begun("user", "erase", name, cwd=bastion.directory)
        await asyncio.sleep(rng.uniform(0, 0.5))
        in_the_middle += victim.kill()

        alive = await pool.fetchval("SELECT id FROM users WHERE state = 'active'")
        shown = await bastion("user", "show", name)
        last = await pool.fetchval("SELECT user_id FROM erasures ORDER BY id DESC LIMIT 1")
        erased = await bastion("user", "erase", name if alive else str(last))

        assert shown.status == (0 if alive else 1)
        assert erased.status == 0, erased.err
        assert "certificate: eyJ" in erased.out
        assert await pool.fetchval("SELECT count(*) FROM erasure_steps WHERE done_at IS NULL") == 0
        assert await pool.fetchval("SELECT count(*) FROM user_keys") == 0
        told = await pool.fetchval("SELECT count(*) FROM audit_entries WHERE kind = 'user_erased'")
        assert told == await pool.fetchval("SELECT count(*) FROM erasures") == number + 1
    assert in_the_middle


async def test_a_name_that_looks_like_an_id_is_a_name(bastion: Bastion) -> None:
    name = "00000000-0000-4000-8000-000000000001"
    await bastion("user", "add", name, "--password-stdin", stdin=PASSWORD + "\n")

    erased = await bastion("user", "erase", name)

    assert erased.out.startswith(f"{name} is erased")
