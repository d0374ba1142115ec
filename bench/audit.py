"""How long and in how much memory `bastion audit verify` follows a long log."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from bench.figures import Figure
from gateway.core.audit.chain import GENESIS, Link, Stored, link
from gateway.core.audit.entries import Kind, canonical
from gateway.embedded import Children, EmbeddedPostgres
from gateway.stores.postgres.migrate import migrate

_AT_ONCE: Final = 20_000
_BEGUN_AT: Final = 1_790_000_000
_PEOPLE: Final = 1_000
_ENTRY_COLUMNS: Final = ("id", "kind", "at", "actor", "subject", "detail", "personal", "request_id")
_LINK_COLUMNS: Final = ("position", "entry_id", "prev_hash", "hash")
_MEASURED: Final = """
import sys
from pathlib import Path
from gateway.cli import bastion
try:
    bastion(sys.argv[1:], standalone_mode=False)
finally:
    print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", count: int) -> None:
    """An empty log gets so many linked entries, as the product would have written them, but at once."""
    await connection.execute("SET session_replication_role = replica")  # none of them waits for the linker
    made = links(count)
    while some := list(islice(made, _AT_ONCE)):
        entries = [tuple(getattr(one.entry, column) for column in _ENTRY_COLUMNS) for one in some]
        rows = [(one.position, one.entry.id, one.prev_hash, one.hash) for one in some]
        await connection.copy_records_to_table("audit_entries", records=entries, columns=_ENTRY_COLUMNS)
        await connection.copy_records_to_table("audit_links", records=rows, columns=_LINK_COLUMNS)
    await connection.execute("SELECT setval(pg_get_serial_sequence('audit_entries', 'id'), $1)", count)
    await connection.execute("SET session_replication_role = origin")
    await connection.execute("ANALYZE audit_entries, audit_links")


def links(count: int) -> Iterator[Link]:
    head = GENESIS
    for number in range(1, count + 1):
        person = UUID(int=number % _PEOPLE + 1)
        detail = canonical({"login": f"{number:022}"})
        entry = Stored(number, Kind.LOGIN.value, _BEGUN_AT + number, str(person), person, detail, bytes(200), "r" * 36)
        made = link(head, number, entry)
        head = made.hash
        yield made


def measured_verify(directory: Path, database_url: str) -> tuple["subprocess.CompletedProcess[str]", int]:
    """As an operator runs it, in a process of its own; its largest resident size in kB."""
    (directory / "config.yaml").write_text(json.dumps({"profile": "dev", "database": {"url": database_url}}))
    return measured(directory, "verify")


def measured(directory: Path, *arguments: str) -> tuple["subprocess.CompletedProcess[str]", int]:
    """As measured_verify, of another command of `bastion audit`."""
    argv = [sys.executable, "-c", _MEASURED, "audit", *arguments]
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
    return done, int(done.stdout.rsplit("VmHWM:", 1)[1].split()[0])


async def audit_figures(entries: Sequence[int]) -> list[Figure]:
    """Of logs of so many entries, each on a Postgres of its own."""
    return [figure for count in entries for figure in await _figures(count)]


async def _figures(count: int) -> list[Figure]:
    children = Children()
    with tempfile.TemporaryDirectory(prefix="bastion-bench-", dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        server = EmbeddedPostgres(directory, children, durable=False)
        server.start()
        try:
            await _prepare(server.url(), count)
            begun = time.perf_counter()
            done, most_kb = measured_verify(directory, server.url())
            seconds = time.perf_counter() - begun
        finally:
            server.stop()
            children.close()
    if done.returncode != 0 or f"is whole: {count} entries" not in done.stdout:
        raise SystemExit(f"audit: {done.stdout}{done.stderr}")
    return [
        Figure.of(f"audit.verify_s.{count}_entries", [seconds]),
        Figure.of(f"audit.verify_rss_mb.{count}_entries", [most_kb / 1024]),
    ]


async def _prepare(url: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await fill(connection, count)
    await connection.close()
