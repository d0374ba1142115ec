"""`bastion restore` brings back what was backed up, and nothing that was taken away since."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from gateway.core.units import DAY_S
from gateway.embedded import EmbeddedPostgres
from gateway.flows.evidence.audit_log import Linker
from gateway.flows.privacy.erasure import NodeFiles
from gateway.flows.privacy.ledger import LedgerKeeper
from gateway.resources import clock
from tests.acting import acts_of
from tests.cli.backing import PASSWORD, configure, did
from tests.cli.conftest import SECRETS, Bastion, end_of_serve
from tests.conftest import Pool
from tests.databases import copy_files, create, execute, serving_url, tampering
from tests.exhaustive import KILLS
from tests.zygote import Victim, begun

POLICY = """
define: {scopes: {read: Read your files}, key_scopes: {read: {groups: staff}}}
apps: {files: {hosts: files.example.com, credentials: [session, api_key], allow: [authenticated, {scopes: read}]}}
"""
# What a command says of a database that no restore has finished.
HALF = ("run `bastion migrate` first", "permission denied for table schema_mig")
KEY = ("api-key", "create", "ada", "--name", "laptop", "--scope", "read", "--host", "files.example.com")
# Of the person who was added first.
ROLE = """
    INSERT INTO admin_roles SELECT subject, 'support', NULL, 1 FROM audit_entries WHERE kind = 'user_added'
     ORDER BY id LIMIT 1
"""
# What opens a door, as if it had ended only after the backup.
OPEN = """
    INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, sealed)
    SELECT substr(sha256('login'), 1, 16), id, 1, true, 9, 9999999999, 1, '' FROM users LIMIT 1;
    INSERT INTO grants (id, kind, client, user_id, login_id, scope, resource, authenticated_at, mfa_at, amr, jkt,
                        generation, rotated_at, created_at, expires_at, idle_s, last_used_at)
    SELECT substr(sha256('grant'), 1, 16), 'offline', 'shop', user_id, id, '{}', '', 1, 0, '{}', '', 1, 1, 1,
           9999999999, 9, 1 FROM logins;
    INSERT INTO codes (hash, client, user_id, login_id, content, expires_at)
    SELECT sha256('code'), 'shop', user_id, id, '', 9999999999 FROM logins;
    INSERT INTO links (hash, kind, user_id, sealed, made_at, expires_at)
    SELECT sha256('link'), 'reset', user_id, '', 1, 9999999999 FROM logins;
    INSERT INTO recovery_codes (hash, user_id, kind, created_at)
    SELECT sha256('recovery'), user_id, 'recovery', 1 FROM logins;
    INSERT INTO admin_tokens (id, user_id, hash, role, networks, created_at, expires_at)
    SELECT substr(sha256('token'), 1, 16), user_id, sha256('token'), 'support', '{192.0.2.0/24}', 1, 31536001
      FROM logins;
    INSERT INTO outbox (kind, destination, position, sealed, digest)
    VALUES ('mail', 'mail', 1, 'x', sha256('x')), ('logout', 'shop', 1, 'x', sha256('x'));
"""
STILL_OPEN = """
    SELECT (SELECT count(*) FROM logins WHERE ended_at IS NULL) + (SELECT count(*) FROM grants WHERE ended_at IS NULL)
         + (SELECT count(*) FROM codes) + (SELECT count(*) FROM links) + (SELECT count(*) FROM recovery_codes)
         + (SELECT count(*) FROM api_keys WHERE rests_at IS NULL)
         + (SELECT count(*) FROM admin_tokens WHERE revoked_at IS NULL)
         + (SELECT count(*) FROM signing_keys WHERE gone_after IS NULL OR gone_after > extract(epoch FROM now()))
         + (SELECT count(*) FROM outbox WHERE state = 'waiting' AND kind = 'mail')
"""


@pytest.fixture
async def empty_url(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"restored_{uuid4().hex}"
    await create(postgres_server, name)
    yield serving_url(postgres_server, name)
    await execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """The database that tests share has more in it than Bastion's tables."""
    return own_database_url


@pytest.fixture
async def lived(bastion: Bastion, pool: Pool) -> Bastion:
    """ada has an API key, and she and bob are signed in; a key signs tokens."""
    configure(bastion, bastion.database_url)
    (bastion.directory / "policies").mkdir()
    (bastion.directory / "policies" / "files.yaml").write_text(POLICY)
    for name in ("ada", "bob"):
        added = ("user", "add", name, "--group", "staff", "--email", f"{name}@example.org", "--password-stdin")
        await did(bastion, *added, stdin=PASSWORD)
    await did(bastion, *KEY)
    await pool.execute(ROLE)
    await pool.execute(OPEN)
    await link(bastion, pool, -120)
    return bastion


async def link(bastion: Bastion, pool: Pool, later_s: int = 0) -> None:
    await Linker(pool, bastion.directory / "data", bastion.directory / "checkpoints", lambda: clock() + later_s).work()


async def backed_up(lived: Bastion) -> str:
    return (await did(lived, "backup", "kept")).out.partition(":")[0]


@pytest.fixture
async def backup(lived: Bastion, pool: Pool) -> str:
    """DIR/NAME. ada was erased since, and bob disabled; a checkpoint saw it."""
    place = await backed_up(lived)
    await did(lived, "user", "erase", "ada")
    await did(lived, "user", "disable", "bob")
    await link(lived, pool)
    files = NodeFiles(lived.directory / "checkpoints", lived.directory / "data")
    await LedgerKeeper(replace(acts_of(pool), clock=clock), files, 30 * DAY_S).work()
    return place


def ledger(lived: Bastion) -> tuple[str, str]:
    return "--ledger", str(lived.directory / "checkpoints" / "erasures.jsonl")


async def test_a_restore_opens_no_door_and_brings_nobody_back(
    lived: Bastion, backup: str, empty_url: str, redis: Redis
) -> None:
    await redis.mset({"{tag}u": "x", "{tag}l:login": "x", "{other}": "x", "other": "x"})
    configure(lived, empty_url)

    restored = await did(lived, "restore", backup, *ledger(lived))
    connection = await asyncpg.connect(empty_url)
    still_open = await connection.fetchval(STILL_OPEN)
    states = await connection.fetch("SELECT state FROM users ORDER BY state")
    keys = await connection.fetchval("SELECT count(*) FROM user_keys")
    queued = await connection.fetchval("SELECT count(*) FROM outbox WHERE state = 'waiting'")
    await connection.close()
    people = (await did(lived, "user", "list")).out

    assert still_open == 0
    assert [row["state"] for row in states] == ["disabled", "erased"]
    assert (keys, queued) == (1, 1)
    assert ("bob" in people, "ada" in people) == (True, False)
    assert sorted(await redis.keys("*")) == [b"other", b"{other}"]
    assert "1 people of the ledger are erased again" in restored.out
    assert "1 powers that were taken away since the backup are taken away again" in restored.out
    assert "Positions 4 to " in restored.out


async def test_a_verifier_is_told_of_the_restore_until_they_accept_it(
    lived: Bastion, backup: str, empty_url: str
) -> None:
    checkpoints = lived.directory / "checkpoints"
    newest = json.loads((await did(lived, "audit", "verify", "--json")).out)["newest_checkpoint"]["position"]
    configure(lived, empty_url)
    before = await lived("audit", "verify")
    await did(lived, "restore", backup, *ledger(lived))
    async with asyncpg.create_pool(empty_url, min_size=1, max_size=1) as pool:
        await link(lived, pool, 200)
        (record,) = [json.loads(line) for line in (checkpoints / "restores.jsonl").read_text().splitlines()]
        told = await lived("audit", "verify")
        as_json = json.loads((await lived("audit", "verify", "--json")).out)
        accept = ("--accept-restore", as_json["restores"][0]["id"])
        accepted = await lived("audit", "verify", "--cross-check", *accept)
        other = await lived("audit", "verify", "--accept-restore", "other")
        exported = await did(lived, "audit", "export")
        (lived.directory / "log.jsonl").write_text(exported.out)
        file = ("--export", "log.jsonl", "--checkpoints", "checkpoints")
        from_file = await lived("audit", "verify", *file), await lived("audit", "verify", *file, *accept)
        async with tampering(pool) as connection:
            await connection.execute("DELETE FROM audit_links WHERE position > 3")
        cut = await lived("audit", "verify", *accept)

    assert before.status == 1, "there is no schema"
    assert record["jws"]
    assert told.status == 3, told.out
    assert f"But for positions 4 to {newest}, lost by the restore {as_json['restores'][0]['id']} of " in told.out
    assert (accepted.status, "DIFFERS" in accepted.out) == (0, False), accepted.out
    assert other.status == 3
    assert [one.status for one in from_file] == [3, 0]
    assert (cut.status, cut.out.startswith("FAULT: ")) == (1, True)


async def test_what_an_auditor_saw_before_the_restore_does_not_hold_them_up(
    lived: Bastion, backup: str, empty_url: str
) -> None:
    seen = lived.directory / "seen.jsonl"
    await did(lived, "audit", "verify", "--seen", str(seen))
    first = seen.read_text()
    configure(lived, empty_url)
    await did(lived, "restore", backup, *ledger(lived))
    async with asyncpg.create_pool(empty_url, min_size=1, max_size=1) as restored:
        await link(lived, restored, 200)
    (one,) = json.loads((await lived("audit", "verify", "--json")).out)["restores"]

    await did(lived, "audit", "verify", "--seen", str(seen), "--accept-restore", one["id"])

    assert seen.read_text() != first
    assert seen.read_text() in (lived.directory / "checkpoints" / "checkpoints.jsonl").read_text()


async def test_keys_and_roles_rest_until_the_restore_is_finished(lived: Bastion, backup: str, empty_url: str) -> None:
    """Of ada, who was not erased in this one; and so does the role in the console that she has lost since."""
    configure(lived, empty_url)
    await did(lived, "restore", backup, "--ledger", "none", stdin="none\n")
    connection = await asyncpg.connect(empty_url)
    resting = "SELECT count(*) FROM api_keys WHERE rests_at IS NOT NULL"
    roles = "SELECT array_agg(role) FROM admin_roles"

    no_role = await connection.fetchval(roles)
    before = await connection.fetchval(resting)
    refused = await lived("restore", "--finish", stdin="n\n")
    unfinished = await connection.fetchval(resting)
    finished = await did(lived, "restore", "--finish", stdin="y\n")
    after = await connection.fetchval(resting)
    role = await connection.fetchval(roles)
    await connection.close()
    told = json.loads((await did(lived, "audit", "list", "--kind", "restore_finished", "--json")).out)

    assert (before, unfinished, after) == (1, 1, 0)
    assert refused.status == 1
    assert (no_role, role) == (None, ["support"])
    assert "support of ada" in refused.out
    assert "1 API keys and 1 roles are awake" in finished.out
    assert len(told[0]["detail"]["keys"]) == 1


async def test_a_later_key_file_opens_an_older_dump_for_all_who_still_live(
    lived: Bastion, backup: str, empty_url: str
) -> None:
    await asyncio.sleep(1.1)  # a backup is named by its second
    await did(lived, "user", "add", "carl", "--password-stdin", stdin=PASSWORD)
    later = await backed_up(lived)
    (lived.directory / f"{backup}.keys").unlink()
    configure(lived, empty_url)

    without = await lived("restore", backup, *ledger(lived))
    await did(lived, "restore", backup, "--keys", f"{later}.keys", *ledger(lived))
    people = (await did(lived, "user", "list")).out

    assert (without.status, ".keys: No such file" in without.err) == (1, True)
    assert ["bob" in people, "ada" in people, "carl" in people] == [True, False, False]


async def refused(lived: Bastion, *arguments: str, stdin: str = "") -> str:
    ran = await lived("restore", *arguments, stdin=stdin)
    assert ran.status == 1, ran.out
    return ran.err


async def test_what_does_not_fit_is_refused_before_anything_is_written(
    lived: Bastion, backup: str, empty_url: str
) -> None:
    file = lived.directory / f"{backup}.dump"
    not_empty = await refused(lived, backup, *ledger(lived))
    configure(lived, empty_url, root=SECRETS["other"])
    foreign = await refused(lived, backup, *ledger(lived))
    configure(lived, empty_url, master=SECRETS["other"])
    sealed = await refused(lived, backup, *ledger(lived))
    configure(lived, empty_url)
    untyped = await refused(lived, backup, "--ledger", "none", stdin="yes\n")
    file.write_bytes(file.read_bytes() + b"x")
    changed = await refused(lived, backup, *ledger(lived))
    connection = await asyncpg.connect(empty_url)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()

    assert "the database is not empty" in not_empty
    assert "made with other secrets: root" in foreign
    assert "not wrapped with any of this node's master keys" in sealed
    assert "nothing was restored" in untyped
    assert "was changed, or cut off" in changed
    assert tables == 0
    assert not (lived.directory / "checkpoints" / "restores.jsonl").exists()


async def test_a_ledger_older_than_the_backup_is_refused(lived: Bastion, empty_url: str) -> None:
    await did(lived, "user", "erase", "ada")
    place = await backed_up(lived)
    (lived.directory / "old.jsonl").write_text("")
    configure(lived, empty_url)

    assert "it is older than the backup" in await refused(lived, place, "--ledger", "old.jsonl")


async def test_a_backup_of_a_node_that_is_not_known_needs_its_public_key(
    lived: Bastion, backup: str, empty_url: str
) -> None:
    (known,) = (lived.directory / "checkpoints").glob("*.pub.pem")
    kept = known.rename(lived.directory / "kept.pem")
    moved = (lived.directory / "checkpoints" / "checkpoints.jsonl").rename(lived.directory / "old.jsonl")
    configure(lived, empty_url)

    unknown = await refused(lived, backup, *ledger(lived))
    await did(lived, "restore", backup, *ledger(lived), "--public-key", str(kept))

    assert "is signed with another key" in unknown
    assert moved.exists()


async def test_a_database_brought_back_from_its_files_is_not_served_until_it_is_adopted(
    lived: Bastion, pool: Pool, postgres_server: EmbeddedPostgres
) -> None:
    copy = f"copy_{uuid4().hex}"
    (lived.directory / "policies").mkdir(exist_ok=True)
    await copy_files(postgres_server, urlsplit(lived.database_url).path.strip("/"), copy)
    await did(lived, "user", "erase", "ada")
    await link(lived, pool)
    configure(lived, serving_url(postgres_server, copy))

    end, status = await end_of_serve(lived, "--dev")
    adopted = await did(lived, "restore", "--adopt", *ledger(lived))
    again = await refused(lived, "--adopt", *ledger(lived))
    people = (await did(lived, "user", "list")).out
    connection = await asyncpg.connect(serving_url(postgres_server, copy))
    still_open = await connection.fetchval(STILL_OPEN)
    await connection.close()
    await execute(postgres_server, f'DROP DATABASE "{copy}" WITH (FORCE)')

    assert status != 0
    assert "run `bastion restore --adopt --ledger FILE`" in end["why"]
    assert "1 people of the ledger are erased again" in adopted.out
    assert "nothing to adopt" in again
    assert ("bob" in people, "ada" in people) == (True, False)
    assert still_open == 0


async def test_what_to_restore_is_said_once(lived: Bastion) -> None:
    for arguments in (("kept/some", "--adopt", *ledger(lived)), ("--adopt",), ("kept/some",), ledger(lived)):
        ran = await lived("restore", *arguments)
        assert (ran.status, "name a backup or --adopt" in ran.err) == (2, True), arguments


async def test_a_restore_that_is_killed_serves_nobody_and_begins_again(
    lived: Bastion, backup: str, empty_url: str, postgres_server: EmbeddedPostgres
) -> None:
    """Each begins where the one before was killed, or in an empty database if that one had ended."""
    configure(lived, empty_url)
    rng, in_the_middle = random.Random(7), 0
    for _ in range(KILLS):
        victim = begun("restore", backup, *ledger(lived), cwd=lived.directory)
        await until_connected(empty_url, victim)
        await asyncio.sleep(rng.uniform(0, 0.5))
        in_the_middle += victim.kill()

        half = await lived("user", "list")
        if half.status:
            assert any(one in half.err for one in HALF)
        else:
            await assert_restored(empty_url, half.out)
            await renew(postgres_server, empty_url)

    async with asyncio.timeout(60):
        while (await lived("restore", backup, *ledger(lived))).status:  # pg_restore may not have noticed yet
            await asyncio.sleep(0.5)
    await assert_restored(empty_url, (await did(lived, "user", "list")).out)
    assert in_the_middle


async def assert_restored(url: str, people: str) -> None:
    connection = await asyncpg.connect(url)
    still_open = await connection.fetchval(STILL_OPEN)
    await connection.close()

    assert still_open == 0
    assert ("bob" in people, "ada" in people) == (True, False)


async def renew(server: EmbeddedPostgres, url: str) -> None:
    name = urlsplit(url).path.lstrip("/")
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')
    await create(server, name)


async def until_connected(url: str, victim: Victim) -> None:
    connection = await asyncpg.connect(url)
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with asyncio.timeout(60):
        while not victim.is_over() and not await connection.fetchval(others):
            await asyncio.sleep(0.01)
    await connection.close()
