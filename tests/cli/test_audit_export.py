"""Exported files prove the log without its database, and log shippers get every entry."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from bench.audit import fill
from gateway.flows.evidence.audit_log import Linker
from gateway.resources import clock
from tests.cli.conftest import Bastion, Ran
from tests.conftest import Pool
from tests.databases import superuser_url

ENTRIES = 1_200


@pytest.fixture
async def log(bastion: Bastion, pool: Pool) -> Bastion:
    """A chain with a checkpoint over all of it, whose last entry tells of ada."""
    connection = await asyncpg.connect(superuser_url(bastion.database_url))
    await fill(connection, ENTRIES - 1)
    await connection.close()
    added = await bastion(
        "user", "add", "ada", "--email", "ada@example.org", "--password-stdin", stdin="correct horse battery"
    )
    assert added.status == 0, added.err
    await link(bastion, pool)
    return bastion


async def link(bastion: Bastion, pool: Pool) -> None:
    await Linker(pool, bastion.directory / "data", bastion.directory / "checkpoints", clock).work()


async def exported(log: Bastion, name: str, *options: str) -> Path:
    ran = await log("audit", "export", *options)
    assert ran.status == 0, ran.err
    file = log.directory / name
    file.write_text(ran.out)
    return file


async def verified(log: Bastion, *arguments: str) -> Ran:
    """On a host that has the files and nothing else."""
    (log.directory / "config.yaml").unlink(missing_ok=True)
    return await log("audit", "verify", *arguments)


def to_checkpoints(log: Bastion) -> tuple[str, str]:
    return "--checkpoints", str(log.directory / "checkpoints")


async def test_an_export_verifies_without_database_secrets_and_configuration(log: Bastion) -> None:
    in_database = await log("audit", "verify")
    file = await exported(log, "all.jsonl")

    from_file = await verified(log, "--export", str(file), *to_checkpoints(log))

    assert from_file.status == 0, from_file.err
    assert from_file.out == in_database.out
    assert f"whole: {ENTRIES} entries" in from_file.out
    assert "ada@example.org" not in file.read_text()


async def test_a_log_in_several_files_verifies_in_any_order_and_a_part_only_as_a_part(log: Bastion) -> None:
    first, second = await exported(log, "1.jsonl", "--to", "700"), await exported(log, "2.jsonl", "--from", "701")

    whole = await verified(log, "--export", str(second), "--export", str(first), *to_checkpoints(log))
    gap = await verified(log, "--export", str(second))
    part = await verified(log, "--export", str(second), "--part", *to_checkpoints(log))
    cut = await verified(log, "--export", str(first), *to_checkpoints(log))
    early = await verified(log, "--export", str(first), "--part", *to_checkpoints(log))

    assert (whole.status, f"whole: {ENTRIES} entries" in whole.out) == (0, True)
    assert (gap.status, gap.out) == (1, "FAULT: position 1 is missing: the next is 701.\n")
    assert (part.status, f"part of the audit log is whole: positions 701 to {ENTRIES}" in part.out) == (0, True)
    assert "Checkpoints that agree: 1" in part.out
    assert cut.status == 1
    assert cut.out.startswith("FAULT: the chain ends at position 700, but the checkpoint of")
    assert (early.status, "No checkpoint was compared" in early.out) == (0, True)


def changed(lines: list[str]) -> list[str]:
    return [*lines[:699], lines[699].replace('"kind":"login"', '"kind":"logout"'), *lines[700:]]


def inserted(lines: list[str]) -> list[str]:
    forged = json.dumps(json.loads(lines[699]) | {"id": 5_000})
    return [*lines[:699], forged, *lines[699:]]


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (changed, "position 700 (entry 700) was changed after it was linked"),
        (lambda lines: [*lines[:699], *lines[700:]], "position 700 is missing: the next is 701"),
        (inserted, "position 700 (entry 5000) was changed after it was linked"),
        (
            lambda lines: [*lines[:699], lines[700], lines[699], *lines[701:]],
            "position 700 is missing: the next is 701",
        ),
        (lambda lines: lines[:1_000], "the chain ends at position 1000, but the checkpoint of"),
    ],
)
async def test_a_file_that_was_tampered_with_is_found_out(
    log: Bastion, tamper: Callable[[list[str]], list[str]], fault: str
) -> None:
    file = await exported(log, "all.jsonl")
    file.write_text("".join(f"{line}\n" for line in tamper(file.read_text().splitlines())))

    found = await verified(log, "--export", str(file), *to_checkpoints(log))

    assert found.status == 1
    assert found.out.startswith(f"FAULT: {fault}")


async def test_a_file_that_is_no_export_is_named(log: Bastion) -> None:
    file = await exported(log, "all.jsonl")
    whole = file.read_bytes()

    file.write_bytes(whole[:-20])
    cut = await verified(log, "--export", str(file))
    file.write_bytes(whole + b"{}\n")
    strange = await verified(log, "--export", str(file))
    file.write_bytes(b"")
    empty = await verified(log, "--export", str(file))
    missing = await verified(log, "--export", "none.jsonl")

    assert [ran.status for ran in (cut, strange, empty, missing)] == [1, 1, 1, 1]
    assert f"all.jsonl:{ENTRIES}: the line has no end" in cut.err
    assert f"all.jsonl:{ENTRIES + 1}: the line is no link" in strange.err
    assert "all.jsonl: holds no entry" in empty.err
    assert "none.jsonl: No such file" in missing.err


async def test_readable_words_are_an_act_of_their_own(log: Bastion) -> None:
    stored = await log("audit", "export", "--from", str(ENTRIES))
    readable = await log("audit", "export", "--from", str(ENTRIES), "--readable")
    as_cef = await log("audit", "export", "--from", str(ENTRIES), "--readable", "--format", "cef")
    told = json.loads((await log("audit", "list", "--kind", "audit_exported", "--json")).out)

    assert "readable" not in json.loads(stored.out)
    assert json.loads(readable.out)["readable"]["email"] == "ada@example.org"
    assert as_cef.out.startswith("CEF:0|Bastion|Bastion|1|user_added|user added|3|rt=")
    assert "ada@example.org" in as_cef.out
    assert [one["detail"] for one in told] == [
        {"first": ENTRIES, "format": form, "last": ENTRIES} for form in ("jsonl", "cef")
    ]
    assert {one["actor"][:4] for one in told} == {"cli:"}


async def test_bounds_may_be_times(log: Bastion) -> None:
    """The entries of the fixture are a second apart, from 2026-09-21T14:13:21 on."""
    span = await log("audit", "export", "--from", "2026-09-21T14:13:30", "--to", "2026-09-21T14:13:33")
    refused = await log("audit", "export", "--from", "yesterday")

    assert [json.loads(line)["position"] for line in span.out.splitlines()] == [10, 11, 12]
    assert (refused.status, "--from 'yesterday'" in refused.err) == (2, True)


async def shipped(process: asyncio.subprocess.Process, count: int) -> list[int]:
    assert process.stdout is not None
    return [json.loads(await asyncio.wait_for(process.stdout.readline(), 30))["position"] for _ in range(count)]


async def test_a_shipper_that_was_killed_goes_on_without_a_gap(log: Bastion, pool: Pool) -> None:
    cursor = log.directory / "cursor.json"
    tail = ("audit", "tail", "--follow", "--cursor", str(cursor))

    process = await log.start(*tail)
    first = await shipped(process, ENTRIES)
    await until(lambda: cursor.exists() and json.loads(cursor.read_text())["position"] == ENTRIES)
    process.kill()
    await process.communicate()
    await log("user", "disable", "ada")
    await link(log, pool)
    process = await log.start(*tail)
    second = await shipped(process, 1)
    await log("user", "enable", "ada")
    await link(log, pool)
    third = await shipped(process, 1)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 30)

    assert first == [*range(1, ENTRIES + 1)]
    assert (second, third) == ([ENTRIES + 1], [ENTRIES + 2])
    assert process.returncode == 0


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0.02)


async def test_a_cursor_of_another_log_is_refused(log: Bastion) -> None:
    cursor = log.directory / "cursor.json"
    cursor.write_text(json.dumps({"position": 9, "hash": "00" * 32}))

    astray = await log("audit", "tail", "--follow", "--cursor", str(cursor))
    cursor.write_text("{}")
    broken = await log("audit", "tail", "--follow", "--cursor", str(cursor))

    assert (astray.status, "another entry at position 9 than the cursor" in astray.err) == (1, True)
    assert (broken.status, "is no cursor" in broken.err) == (1, True)


async def test_who_follows_without_a_cursor_gets_what_is_new_and_reading_words_is_told(
    log: Bastion, pool: Pool
) -> None:
    process = await log.start("audit", "tail", "--follow", "--readable", "--format", "cef")
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while (await log("audit", "list", "--kind", "audit_exported")).out == "":
            await asyncio.sleep(0.1)
    await link(log, pool)

    line = await asyncio.wait_for(process.stdout.readline(), 30)
    os.kill(process.pid, signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 30)

    assert line.startswith(b"CEF:0|Bastion|Bastion|1|audit_exported|audit exported|6|")
    assert f'"first":{ENTRIES + 1}'.encode() in line.replace(b"\\", b"")
