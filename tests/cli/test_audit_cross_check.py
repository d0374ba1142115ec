"""Who writes to the tables behind the log is named, and keys of checkpoints that are new to whoever verifies."""

import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.flows.evidence.audit_log import Linker
from gateway.flows.evidence.checkpoint_keys import CheckpointKeys
from gateway.flows.evidence.cross_check import cross_check
from gateway.resources import clock
from tests.acting import acts_of
from tests.cli.conftest import Bastion
from tests.conftest import Pool
from tests.databases import tampering
from tests.exhaustive import sampled


@pytest.fixture
async def lived(bastion: Bastion, pool: Pool) -> Bastion:
    """ada and bob were added, changed and disabled; a client and two signing keys were made."""
    for name in ("ada", "bob"):
        added = await bastion("user", "add", name, "--password-stdin", stdin="correct horse battery")
        assert added.status == 0, added.err
    (bastion.directory / "client.yaml").write_text(CLIENT)
    for name in ("first.pem", "second.pem"):
        key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (bastion.directory / name).write_bytes(key)
    (bastion.directory / "policies").mkdir()
    (bastion.directory / "policies" / "wiki.yaml").write_text(
        "apps: {wiki: {hosts: wiki.example.com, allow: authenticated}}"
    )
    for command in (
        ("user", "groups", "ada", "--set", "staff"),
        ("user", "disable", "bob"),
        ("client", "add", "shop", "--file", "client.yaml"),
        ("signing-key", "import", "first.pem"),
        ("signing-key", "import", "second.pem"),
    ):
        done = await bastion(*command)
        assert done.status == 0, done.err
    await Linker(pool, bastion.directory / "data", bastion.directory / "checkpoints", clock).work()
    return bastion


CLIENT = """\
name: Shop
type: web
redirect_uris: [https://shop.example.com/cb]
scopes: [openid]
"""


async def test_a_database_that_only_bastion_wrote_agrees_with_its_log(lived: Bastion) -> None:
    checked = await lived("audit", "verify", "--cross-check")

    assert (checked.status, "DIFFERS" in checked.out) == (0, False), checked.out


async def test_what_an_entry_tells_counts_before_it_is_linked(lived: Bastion, pool: Pool) -> None:
    enabled = await lived("user", "enable", "bob")

    assert enabled.status == 0, enabled.err
    assert await pool.fetchval("SELECT count(*) FROM audit_queue") == 1
    assert await cross_check(pool) == []


STAFF = "WHERE groups = '{staff}'"
WRITTEN_BEHIND = {
    f"UPDATE users SET groups = '{{admins}}' {STAFF}": "groups is ['admins'], and the log says ['staff']",
    f"UPDATE users SET state = 'disabled' {STAFF}": "state is 'disabled', and the log says 'active'",
    f"""INSERT INTO users SELECT '00000000-0000-4000-8000-000000000000', state, sha256(''), NULL, sealed, password,
        groups, version, created_at, changed_at FROM users {STAFF}""": "000000000000: no entry tells of this row",
    f"DELETE FROM user_keys; DELETE FROM users {STAFF}": "the row is gone",
    f"""INSERT INTO totp (id, user_id, sealed, created_at, confirmed_at)
        SELECT substr(sha256(''), 1, 16), id, '', 1, 1 FROM users {STAFF}""": "apps is 1, and the log says 0",
    f"""INSERT INTO recovery_codes (hash, user_id, kind, created_at)
        SELECT sha256(''), id, 'operator', 1 FROM users {STAFF}""": "operator codes is 1, and the log says 0",
    f"""INSERT INTO api_keys (id, user_id, sealed, hash, scope, hosts, networks, created_at)
        SELECT substr(sha256(''), 1, 16), id, '', sha256(''), '{{}}', '{{a}}', '{{}}', 1
          FROM users {STAFF}""": "no entry tells of this row",
    "UPDATE signing_keys SET active_from = active_from - 1": "active_from is",
    """INSERT INTO signing_keys SELECT 'evil', alg, public, wrapped, created_at, active_from
         FROM signing_keys LIMIT 1""": "signing_keys evil: no entry tells of this row",
    """UPDATE clients SET settings = replace(settings::text, 'shop.example', 'evil.example')::json""": (
        "clients shop: digest is '"
    ),
}


SOME_BEHIND = sampled(WRITTEN_BEHIND.items(), 5)


@pytest.mark.parametrize(("statement", "differs"), SOME_BEHIND, ids=[differs for _, differs in SOME_BEHIND])
async def test_what_was_written_behind_the_log_is_named(
    lived: Bastion, pool: Pool, statement: str, differs: str
) -> None:
    async with tampering(pool) as connection:
        await connection.execute(statement)

    checked = await lived("audit", "verify", "--cross-check")
    as_json = json.loads((await lived("audit", "verify", "--cross-check", "--json")).out)
    unasked = await lived("audit", "verify")

    assert checked.status == 1
    found = [line for line in checked.out.splitlines() if line.startswith("DIFFERS: ")]
    assert found
    assert all(differs in line for line in found), found
    assert len(as_json["differing"]) == len(found)
    assert unasked.status == 0


async def test_a_key_that_the_log_announces_and_the_auditor_lacks_is_named(lived: Bastion, pool: Pool) -> None:
    """Each node announces its key once; the auditor kept the key of the first node only."""
    checkpoints = lived.directory / "checkpoints"
    announce = CheckpointKeys(acts_of(pool)).announce
    for node in ("data", "data2", "data2"):
        await Linker(pool, lived.directory / node, checkpoints / node, lambda: clock() + 120, announce=announce).work()
    await Linker(pool, lived.directory / "data", checkpoints / "data", lambda: clock() + 240).work()
    (first,) = (checkpoints / "data").glob("*.pub.pem")
    (second,) = (checkpoints / "data2").glob("*.pub.pem")
    name = second.name.removeprefix("audit-checkpoint-").removesuffix(".pub.pem")

    one = await lived("audit", "verify", "--checkpoints", str(checkpoints / "data"), "--public-key", str(first))
    both = await lived("audit", "verify", "--checkpoints", str(checkpoints))
    told = json.loads((await lived("audit", "list", "--kind", "checkpoint_key_made", "--json")).out)

    assert (one.status, both.status) == (0, 0), one.out + both.out
    assert f"announces a checkpoint key that you do not have: {name}, at position " in one.out
    assert "do not have" not in both.out
    assert len(told) == 2
    assert [one["detail"]["key"] for one in told][1] == name


async def test_a_directory_is_of_several_nodes_and_each_of_their_lines_counts(lived: Bastion, pool: Pool) -> None:
    checkpoints = lived.directory / "checkpoints"
    await Linker(pool, lived.directory / "data2", checkpoints / "node-2", lambda: clock() + 120).work()
    shutil.move(checkpoints, lived.directory / "kept")

    whole = await lived("audit", "verify", "--checkpoints", "kept")
    file = lived.directory / "kept" / "node-2" / "checkpoints.jsonl"
    file.write_text(file.read_text() + "{}\n")
    broken = await lived("audit", "verify", "--checkpoints", "kept")
    stranger = Ed25519PrivateKey.generate().public_key()
    pinned = lived.directory / "pinned.pem"
    pinned.write_bytes(stranger.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    foreign = await lived("audit", "verify", "--checkpoints", "kept", "--public-key", "pinned.pem")

    assert (whole.status, "Checkpoints that agree: 2" in whole.out) == (0, True)
    assert (broken.status, "node-2/checkpoints.jsonl:2: the checkpoint is no JSON object" in broken.err) == (1, True)
    assert (foreign.status, "signed with another key" in foreign.err) == (1, True)
