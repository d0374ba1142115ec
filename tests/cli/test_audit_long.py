"""A long log is followed in the memory of a short one, with a word on how far it has come."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import asyncpg
import pytest

from bench.audit import fill, links, measured, measured_verify
from gateway.core.audit.jsonl import jsonl
from tests.cli.conftest import Bastion
from tests.databases import superuser_url
from tests.exhaustive import EXHAUSTIVE

SHORT, LONG = 10_000, 1_000_000 if EXHAUSTIVE else 100_000
MOST_MORE_KB = 8_000  # the entries of a LONG of 100,000 alone would take more than 50 MB


async def filled(url: str, count: int) -> None:
    connection = await asyncpg.connect(superuser_url(url))
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("TRUNCATE audit_entries, audit_links")
    await fill(connection, count)
    await connection.close()


async def test_ten_times_the_entries_take_no_more_memory(database_url: str, tmp_path: Path) -> None:
    """With EXHAUSTIVE=1, a hundred times: a million."""
    await filled(database_url, SHORT)
    short, short_kb = await asyncio.to_thread(measured_verify, tmp_path, database_url)
    await filled(database_url, LONG)
    long, long_kb = await asyncio.to_thread(measured_verify, tmp_path, database_url)

    assert f"whole: {SHORT} entries" in short.stdout
    assert f"whole: {LONG} entries" in long.stdout
    assert long_kb - short_kb < MOST_MORE_KB
    said = [line for line in long.stderr.splitlines() if not line.startswith("UNSAFE")]
    assert said == [f"{done:,} of {LONG:,} entries" for done in range(100_000, LONG + 1, 100_000)]
    assert "entries" not in short.stderr


async def test_an_exported_file_that_is_ten_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    """With EXHAUSTIVE=1, a hundred times: half a million."""
    found, counts = [], (SHORT // 2, LONG // 2)
    for count in counts:
        with (tmp_path / "log.jsonl").open("w") as file:
            file.writelines(f"{jsonl(one)}\n" for one in links(count))
        found.append(await asyncio.to_thread(measured, tmp_path, "verify", "--export", "log.jsonl"))
    (short, short_kb), (long, long_kb) = found

    assert [f"whole: {count} entries" in one.stdout for count, one in zip(counts, (short, long), strict=True)] == [
        True
    ] * 2
    assert long_kb - short_kb < MOST_MORE_KB


async def test_on_a_terminal_a_bar_grows_and_makes_room_for_the_answer(bastion: Bastion) -> None:
    await filled(bastion.database_url, 2_000)
    ours, theirs = pty.openpty()

    argv = [sys.executable, "-m", "gateway", "audit", "verify"]
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=bastion.directory, stdout=asyncio.subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    out, _ = await process.communicate()
    drawn = os.read(ours, 65_536).decode()
    os.close(ours)

    assert "whole: 2000 entries" in out.decode()
    assert [part.strip() for part in drawn.split("\r")[1:]] == [
        *(f"[{'#' * (percent * 40 // 100):<40}] {percent:3}% of 2,000 entries" for percent in (25, 50, 75, 100)),
        "\x1b[K",
    ]


@pytest.mark.parametrize("count", [0, 3])
async def test_every_entry_that_nobody_linked_is_counted_over_all_pages(bastion: Bastion, count: int) -> None:
    """Also one with an id before all others, and one far behind them."""
    await filled(bastion.database_url, 45_000)
    connection = await asyncpg.connect(bastion.database_url)
    for number in (-5, 30_000_000, 2**62)[:count]:
        await connection.execute(_FORGED, number)
    await connection.close()

    verified = await bastion("audit", "verify")

    assert verified.status == min(1, count)
    assert ("3 entries older than 5 s in no chain" in verified.out) is bool(count)


_FORGED = """
    INSERT INTO audit_entries (id, kind, at, actor, subject, detail, personal, request_id)
    OVERRIDING SYSTEM VALUE VALUES ($1, 'login', 1, '', NULL, '{}', '', '')
"""
