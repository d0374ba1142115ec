"""`bastion backup` makes files of one moment, and tells whether they can be restored."""

import asyncio
import json
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from gateway.embedded import Binaries, EmbeddedPostgres, postgres_clients
from gateway.flows.evidence.audit_log import Linker
from gateway.resources import clock
from gateway.stores.files.backups import BackupDirectory
from gateway.stores.postgres.backups import KEY_TABLES
from gateway.stores.postgres.roles import OWNER
from tests.cli.backing import PASSWORD, configure
from tests.cli.conftest import Bastion
from tests.conftest import Pool
from tests.databases import create, execute, superuser_url, tampering
from tests.exhaustive import KILLS
from tests.zygote import begun

DAY_S = 86_400


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """The database that tests share has more in it than Bastion's tables."""
    return own_database_url


@pytest.fixture
async def scratch_url(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"scratch_{uuid4().hex}"
    await create(postgres_server, name)
    yield postgres_server.url(name, OWNER)
    await execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def lived(bastion: Bastion, pool: Pool, scratch_url: str) -> Bastion:
    """ada and bob were added; their entries are linked and signed."""
    configure(bastion, bastion.database_url, scratch_url)
    for name in ("ada", "bob"):
        added = await bastion("user", "add", name, "--email", f"{name}@example.org", "--password-stdin", stdin=PASSWORD)
        assert added.status == 0, added.err
    await Linker(pool, bastion.directory / "data", bastion.directory / "checkpoints", clock).work()
    return bastion


async def backed_up(lived: Bastion, *options: str) -> Path:
    """DIR/NAME."""
    made = await lived("backup", "kept", *options)
    assert made.status == 0, made.err
    return lived.directory / made.out.partition(":")[0]


async def test_dump_and_keys_lie_apart_and_are_described(lived: Bastion, pool: Pool) -> None:
    place = await backed_up(lived)
    described = json.loads(place.with_suffix(".json").read_text())
    wrapped = [row["wrapped"] for row in await pool.fetch("SELECT wrapped FROM user_keys")]
    dump = restored_text(place.with_suffix(".dump"))
    keys = place.with_suffix(".keys").read_text()
    told = json.loads((await lived("audit", "list", "--kind", "backup_made", "--json")).out)

    assert sorted(one.suffix for one in place.parent.iterdir() if place.name in one.name) == [".dump", ".json", ".keys"]
    assert {place.with_suffix(end).stat().st_mode & 0o777 for end in (".dump", ".keys", ".json")} == {0o600}
    assert described["backup"]["position"] == 2
    assert len(wrapped) == 2
    for one in wrapped:
        assert one.hex() in keys
        assert one.hex() not in dump
        assert one not in place.with_suffix(".dump").read_bytes()
    assert "user_added" in dump
    assert [one["detail"] for one in told] == [{"backup": place.name, "removed": 0, "up_to": 2}]


def restored_text(dump: Path) -> str:
    tool = postgres_clients(Binaries())[-1] / "pg_restore"
    return subprocess.run([tool, "--file=-", dump], capture_output=True, text=True, check=True).stdout


async def test_every_wrapped_key_is_in_a_key_table_but_what_is_nobodys(pool: Pool) -> None:
    tables = await pool.fetch(
        "SELECT DISTINCT table_name::text FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name LIKE '%wrapped%'"
    )

    assert {row["table_name"] for row in tables} == {*KEY_TABLES, "signing_keys", "endpoints"}


async def test_people_who_are_added_meanwhile_are_in_both_files_or_in_neither(lived: Bastion) -> None:
    adding = [asyncio.create_task(add_more(lived, number)) for number in range(3)]
    place = await backed_up(lived)
    await asyncio.gather(*adding)

    keys = [json.loads(line) for line in place.with_suffix(".keys").read_text().splitlines()]
    with_keys = {json.loads(one["row"])["user_id"] for one in keys if one["table"] == "user_keys"}
    copied = restored_text(place.with_suffix(".dump")).partition("COPY public.users ")[2].partition("\\.\n")[0]
    people = {line.partition("\t")[0] for line in copied.splitlines()[1:]}

    assert {"ada", "bob"} <= people | {"ada", "bob"}
    assert people == with_keys
    assert len(people) >= 2


async def add_more(lived: Bastion, number: int) -> None:
    for more in range(3):
        await lived("user", "add", f"more{number}{more}", "--password-stdin", stdin=PASSWORD)


async def test_old_key_files_go_with_the_next_backup_and_their_dumps_stay(lived: Bastion) -> None:
    kept = lived.directory / "kept"
    kept.mkdir()
    directory, now = BackupDirectory(kept), clock()
    for age_s in (31 * DAY_S, 29 * DAY_S):
        files = directory.begin(now - age_s)
        files.keys.write_text("")
        files.dump.write_text("")
    (kept / "mine.keys").write_text("")
    old, young = sorted(kept.glob("bastion-*.keys"))

    made = await lived("backup", "kept")

    assert made.status == 0, made.err
    assert f"Removed {old}" in made.out.replace(" kept/", f" {kept}/")
    assert not old.exists()
    assert old.with_suffix(".dump").exists()
    assert (young.exists(), (kept / "mine.keys").exists()) == (True, True)
    assert len(list(kept.glob("bastion-*.keys"))) == 2


async def test_a_backup_is_verified_in_a_database_that_is_empty_afterwards(lived: Bastion, scratch_url: str) -> None:
    place = await backed_up(lived)

    verified = await lived("backup", "verify", str(place))
    place.with_suffix(".keys").unlink()
    without_keys = await lived("backup", "verify", str(place.with_suffix(".json")))
    told = json.loads((await lived("audit", "list", "--kind", "backup_verified", "--json")).out)
    connection = await asyncpg.connect(scratch_url)
    left = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.execute("CREATE TABLE users (id int)")
    await connection.close()
    used = await lived("backup", "verify", str(place))

    assert (verified.status, "2 entries" in verified.out) == (0, True), verified.err
    assert without_keys.status == 0, without_keys.err
    assert left == 0
    assert [one["detail"] for one in told] == [{"backup": place.name, "up_to": 2}] * 2
    assert (used.status, "backup.scratch_url is not empty" in used.err) == (1, True)


async def test_a_role_that_may_makes_a_database_for_it_which_goes_away(lived: Bastion, pool: Pool) -> None:
    place = await backed_up(lived)
    databases = "SELECT array_agg(datname ORDER BY datname) FROM pg_database"
    before = await pool.fetchval(databases)

    configure(lived, lived.database_url)
    refused = await lived("backup", "verify", str(place))
    lived.configure(database_url=superuser_url(lived.database_url))
    verified = await lived("backup", "verify", str(place))

    assert (refused.status, "set backup.scratch_url" in refused.err) == (1, True)
    assert verified.status == 0, verified.err
    assert await pool.fetchval(databases) == before


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def forge(file: Path) -> None:
    text = json.loads(file.read_text())
    head, _, signature = text["jws"].rpartition(".")
    file.write_text(json.dumps(text | {"jws": f"{head[:-4]}AAAA.{signature}"}))


@pytest.mark.parametrize(
    ("ending", "spoil", "why"),
    [
        (".dump", cut, "was changed, or cut off"),
        (".keys", cut, "was changed, or cut off"),
        (".json", forge, "is not signed as it says"),
        (".json", lambda file: file.write_text("{}"), "does not describe a backup"),
        (".json", Path.unlink, "No such file"),
    ],
)
async def test_a_file_that_was_changed_is_named(
    lived: Bastion, ending: str, spoil: Callable[[Path], object], why: str
) -> None:
    place = await backed_up(lived)
    spoil(place.with_suffix(ending))

    verified = await lived("backup", "verify", str(place))

    assert verified.status == 1
    assert f"{place.name}{ending}: " in verified.err
    assert why in verified.err


async def test_a_dump_whose_log_was_changed_is_no_backup(lived: Bastion, pool: Pool) -> None:
    """Before the backup, so that all digests are right."""
    async with tampering(pool) as connection:
        await connection.execute("UPDATE audit_entries SET actor = 'nobody'")
    place = await backed_up(lived)

    verified = await lived("backup", "verify", str(place))

    assert (verified.status, "position 1 (entry 1) was changed" in verified.err) == (1, True), verified.err


async def test_an_older_pg_dump_is_refused_with_both_versions(lived: Bastion, tmp_path: Path) -> None:
    tools = tmp_path / "old"
    tools.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (tools / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 12.3'\n")
        (tools / name).chmod(0o755)

    refused = await lived("backup", "kept", BASTION_PG_BIN=str(tools))

    assert refused.status == 1
    assert "pg_dump is of version 12" in refused.err
    assert "the server is Postgres 18" in refused.err
    assert not list((lived.directory / "kept").glob("bastion-*"))


async def test_of_two_backups_at_once_one_is_refused(lived: Bastion) -> None:
    with BackupDirectory(lived.directory / "kept").held():
        refused = await lived("backup", "kept")

    assert (refused.status, "another backup is being made there" in refused.err) == (1, True)


async def test_a_backup_needs_a_place(lived: Bastion) -> None:
    refused = await lived("backup")
    file = lived.directory / "config.yaml"
    file.write_text(file.read_text().replace("backup: {", "backup: {directory: usual, "))
    made = await lived("backup")

    assert (refused.status, "set backup.directory" in refused.err) == (2, True)
    assert made.status == 0, made.err
    assert len(list((lived.directory / "usual").glob("bastion-*.json"))) == 1


async def test_backups_that_are_killed_leave_nothing_that_passes_for_one(lived: Bastion) -> None:
    """Each some time after its first file, or when it has ended before; the next one makes order."""
    kept, rng, in_the_middle = lived.directory / "kept", random.Random(7), 0
    for _ in range(KILLS):
        before = {*kept.glob("bastion-*")}
        victim = begun("backup", "kept", cwd=lived.directory)
        async with asyncio.timeout(60):
            while not victim.is_over() and not {*kept.glob("bastion-*")} - before:
                await asyncio.sleep(0.005)
        await asyncio.sleep(rng.uniform(0, 0.4))
        in_the_middle += victim.kill()
        await asyncio.sleep(1.01 - time.time() % 1)  # the next one has a name of its own

    assert in_the_middle
    for file in kept.glob("bastion-*.json"):
        assert (await lived("backup", "verify", str(file))).status == 0
    place = await backed_up(lived)
    assert (await lived("backup", "verify", str(place))).status == 0
    assert not list(kept.glob("*.part"))
