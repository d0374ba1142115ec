"""`bastion audit` tells a whole log from one that was tampered with by its exit status, and says where."""

import asyncio
import json
import shutil
import signal

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry, entry_of
from gateway.core.audit.settings_events import PolicyLoaded
from gateway.core.privacy.sealing import MasterKeys
from gateway.flows.evidence.audit_log import Linker
from gateway.resources import clock
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault
from tests.cli.conftest import Bastion
from tests.conftest import Pool, RandomBytes
from tests.databases import tampering


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """An auditor is granted rights."""
    return own_database_url


@pytest.fixture
async def logged(bastion: Bastion, pool: Pool) -> Bastion:
    """ada was added and given other groups twice; all of it is linked and signed."""
    await bastion("user", "add", "ada", "--email", "ada@example.org", "--password-stdin", stdin="correct horse battery")
    for group in ("staff", "ops"):
        await bastion("user", "groups", "ada", "--set", group)
    await Linker(pool, bastion.directory / "data", bastion.directory / "checkpoints", clock).work()
    return bastion


async def cut_off(pool: Pool, after: int) -> None:
    async with tampering(pool) as connection:
        await connection.execute("DELETE FROM audit_links WHERE position > $1", after)
        await connection.execute("DELETE FROM audit_entries WHERE id > $1", after)


async def test_a_whole_log_verifies(logged: Bastion) -> None:
    verified = await logged("audit", "verify")
    as_json = json.loads((await logged("audit", "verify", "--json")).out)

    assert verified.status == 0
    assert "The audit log is whole: 3 entries" in verified.out
    assert "Checkpoints that agree: 1, up to position 3" in verified.out
    assert "not pinned" in verified.out
    assert (as_json["whole"], as_json["fault"], as_json["position"]) == (True, None, 3)


async def test_a_log_whose_end_was_cut_off_is_a_fault(logged: Bastion, pool: Pool) -> None:
    await cut_off(pool, 2)

    verified = await logged("audit", "verify")
    as_json = await logged("audit", "verify", "--json")

    assert (verified.status, as_json.status) == (1, 1)
    assert verified.out.startswith("FAULT: the chain ends at position 2, but the checkpoint of ")
    assert json.loads(as_json.out)["whole"] is False


async def test_what_was_verified_is_recorded_on_demand_whole_or_not(logged: Bastion, pool: Pool) -> None:
    whole = await logged("audit", "verify", "--record")
    await cut_off(pool, 2)
    cut = await logged("audit", "verify", "--record")
    from_file = await logged("audit", "verify", "--record", "--export", "log.jsonl")
    listed = await logged("audit", "list", "--kind", "audit_verified", "--json")

    last = json.loads(listed.out)[-1]["detail"]
    assert [whole.status, cut.status, from_file.status] == [0, 1, 2]
    assert [last["outcome"], last["up_to"]] == ["fault", 2]


async def test_copies_elsewhere_are_compared_with_a_key_that_was_kept(logged: Bastion, pool: Pool) -> None:
    shutil.copytree(logged.directory / "checkpoints", logged.directory / "elsewhere")
    shutil.rmtree(logged.directory / "checkpoints")
    (key,) = (logged.directory / "elsewhere").glob("*.pub.pem")
    copies = ("--checkpoints", "elsewhere/checkpoints.jsonl", "--public-key", str(key))

    whole = await logged("audit", "verify", *copies)
    await cut_off(pool, 2)
    without = await logged("audit", "verify")
    cut = await logged("audit", "verify", *copies)

    assert whole.status == 0
    assert "not pinned" not in whole.out
    assert (without.status, "No checkpoint was compared" in without.out) == (0, True)
    assert (cut.status, "saw position 3" in cut.out) == (1, True)


async def test_checkpoints_of_another_key_than_the_pinned_are_a_fault(logged: Bastion) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key()
    pinned = logged.directory / "pinned.pem"
    pinned.write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    verified = await logged("audit", "verify", "--public-key", str(pinned))

    assert verified.status == 1
    assert "checkpoints.jsonl:1: the checkpoint is signed with another key" in verified.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--checkpoints", "none.jsonl"), "none.jsonl: No such file"),
        (("--checkpoints", "empty.jsonl"), "empty.jsonl: holds no checkpoint"),
        (("--public-key", "none.pem"), "none.pem: No such file"),
    ],
)
async def test_what_was_asked_for_and_is_not_there_is_no_success(
    logged: Bastion, arguments: tuple[str, ...], message: str
) -> None:
    (logged.directory / "empty.jsonl").write_text("")

    verified = await logged("audit", "verify", *arguments)

    assert verified.status == 1
    assert message in verified.err


async def test_a_pinned_key_without_checkpoints_is_no_success(logged: Bastion) -> None:
    (key,) = (logged.directory / "checkpoints").glob("*.pub.pem")
    (logged.directory / "checkpoints" / "checkpoints.jsonl").unlink()

    verified = await logged("audit", "verify", "--public-key", str(key))

    assert verified.status == 1
    assert "no checkpoints for --public-key or --seen" in verified.err


@pytest.fixture
async def auditor(logged: Bastion) -> tuple[str, ...]:
    """Options of somebody who fetches the file each time, and keeps the key and what he saw: three entries."""
    (key,) = (logged.directory / "checkpoints").glob("*.pub.pem")
    kept = logged.directory / "auditor"
    kept.mkdir()
    shutil.copy(key, kept / "key.pem")
    options = ("--public-key", "auditor/key.pem", "--seen", "auditor/seen.jsonl")
    assert (await logged("audit", "verify", *options)).status == 0
    return options


async def test_what_the_verifier_saw_is_demanded_though_log_and_file_were_cut_alike(
    logged: Bastion, pool: Pool, auditor: tuple[str, ...]
) -> None:
    """A root of the node signs a shorter log anew with the node's own key: nobody else remembers."""
    await cut_off(pool, 2)
    file = logged.directory / "checkpoints" / "checkpoints.jsonl"
    file.unlink()
    await Linker(pool, logged.directory / "data", file.parent, clock).work()

    believing = await logged("audit", "verify", "--public-key", "auditor/key.pem")
    remembering = await logged("audit", "verify", *auditor)

    assert believing.status == 0
    assert remembering.status == 1
    assert "the chain ends at position 2" in remembering.out
    assert "saw position 3" in remembering.out


async def test_what_was_seen_follows_the_newest_checkpoint_and_only_when_all_is_whole(
    logged: Bastion, pool: Pool, auditor: tuple[str, ...]
) -> None:
    seen, file = logged.directory / "auditor" / "seen.jsonl", logged.directory / "checkpoints" / "checkpoints.jsonl"
    await logged("user", "groups", "ada", "--set", "crew")
    await Linker(pool, logged.directory / "data", file.parent, lambda: clock() + 61).work()
    first = seen.read_text()

    await set_actor(pool, "actor || '!'")
    fault, kept = await logged("audit", "verify", *auditor), seen.read_text()
    await set_actor(pool, "rtrim(actor, '!')")
    whole, followed = await logged("audit", "verify", *auditor), seen.read_text()
    again = await logged("audit", "verify", *auditor)

    assert [fault.status, whole.status, again.status] == [1, 0, 0]
    assert kept == first
    assert [first, followed] == file.read_text().splitlines(keepends=True)
    assert sorted(one.name for one in seen.parent.iterdir()) == ["key.pem", "seen.jsonl"]


async def set_actor(pool: Pool, expression: str) -> None:
    """Of the first entry."""
    async with tampering(pool) as connection:
        await connection.execute(f"UPDATE audit_entries SET actor = {expression} WHERE id = 1")


async def test_an_auditor_needs_no_secret_and_no_right_to_write(logged: Bastion, auditor: tuple[str, ...]) -> None:
    """As docs/audit.md has it, on a host of their own, with the role that `bastion migrate --roles` makes."""
    (logged.directory / "config.yaml").unlink()
    url = logged.database_url.replace("bastion@", "bastion_auditor@")

    verified = await logged(
        "audit", "verify", "--dev", "--checkpoints", "checkpoints/checkpoints.jsonl", *auditor,
        BASTION_DATABASE_URL=url,
    )  # fmt: skip
    async with asyncpg.create_pool(url, min_size=0) as theirs:
        for statement in ("DELETE FROM audit_links", "INSERT INTO key_checks VALUES ('x', 'x')", "TABLE users"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await theirs.execute(statement)

    assert verified.status == 0, verified.err
    assert "Checkpoints that agree: 1, up to position 3" in verified.out


async def test_a_memory_that_was_emptied_is_no_success(logged: Bastion, auditor: tuple[str, ...]) -> None:
    (logged.directory / "auditor" / "seen.jsonl").write_text("")

    verified = await logged("audit", "verify", *auditor)

    assert verified.status == 1
    assert "seen.jsonl: holds no checkpoint" in verified.err


async def test_entries_are_listed_with_personal_words_and_by_person_and_kind(logged: Bastion) -> None:
    listed = (await logged("audit", "list")).out.splitlines()
    added = json.loads((await logged("audit", "list", "--kind", "user_added", "--json")).out)
    newest = (await logged("audit", "list", "--user", "ada@example.org", "--limit", "1")).out
    nobody = await logged("audit", "list", "--user", "eve")

    assert len(listed) == 3
    assert "user_added" in listed[0]
    assert "-> ada" in listed[0]
    assert "email=ada@example.org" in listed[0]
    assert added[0]["personal"] == {"email": "ada@example.org", "name": "", "username": "ada"}
    assert 'before=["staff"]' in newest
    assert 'after=["ops"]' in newest
    assert (nobody.status, "no person has" in nobody.err) == (1, True)


async def test_an_erased_persons_entries_are_listed_by_id_without_their_words(logged: Bastion, pool: Pool) -> None:
    async with pool.acquire() as connection:
        user_id = await connection.fetchval("DELETE FROM user_keys RETURNING user_id")

    listed = (await logged("audit", "list", "--user", str(user_id))).out.splitlines()

    assert len(listed) == 3
    assert f"-> {user_id}" in listed[0]
    assert "(the person was erased)" in listed[0]
    assert (await logged("audit", "verify")).status == 0


async def test_what_a_stranger_called_their_browser_does_not_speak_to_the_terminal(
    logged: Bastion, pool: Pool, random_bytes: RandomBytes
) -> None:
    vault = Vault(MasterKeys([bytes(range(32))]), b"", random_bytes)
    async with pool.acquire() as connection, connection.transaction():
        user_id = await connection.fetchval("SELECT id FROM users")
        personal = {"user_agent": "\x1b]0;owned\x07\r\n2026-01-01 all is well"}
        await Audit(connection, vault).append(Entry(Kind.LOGIN, 1, "", user_id, {"login": "L"}, personal, ""))

    listed = await logged("audit", "list", "--kind", "login")

    assert listed.out.count("\n") == 1
    assert r"user_agent=\x1b]0;owned\x07\r\n2026" in listed.out


async def test_a_long_difference_is_counted_in_a_line_and_shown_whole_on_demand(
    logged: Bastion, pool: Pool, random_bytes: RandomBytes
) -> None:
    vault, diff = Vault(MasterKeys([bytes(range(32))]), b"", random_bytes), ["+\x1b[31ma: 1", *["-b: 2"] * 40]
    async with pool.acquire() as connection, connection.transaction():
        loaded = PolicyLoaded(None, "v2", "", tuple(diff))
        await Audit(connection, vault).append(entry_of(loaded, clock(), "", ""))

    listed = (await logged("audit", "list", "--kind", "policy_loaded")).out
    entry_id = listed.split()[0]
    shown = (await logged("audit", "show", entry_id)).out
    as_json = json.loads((await logged("audit", "show", entry_id, "--json")).out)
    unknown = await logged("audit", "show", "999")

    assert listed.endswith("version=v2  diff=(41 lines)\n")
    assert listed.count("\n") == 1
    assert shown.splitlines()[-42:] == ["diff        ", r"    +\x1b[31ma: 1", *["    -b: 2"] * 40]
    assert as_json["personal"]["diff"] == diff
    assert (unknown.status, "no entry 999" in unknown.err) == (1, True)


async def test_an_entry_is_shown_with_who_acted_and_its_place_in_the_chain(logged: Bastion) -> None:
    shown = (await logged("audit", "show", "1")).out

    rows = dict(row.split(maxsplit=1) for row in shown.splitlines() if len(row.split()) > 1)
    assert (rows["kind"], rows["subject"], rows["position"], rows["email"]) == (
        "user_added",
        "ada",
        "1",
        "ada@example.org",
    )
    assert rows["actor"].startswith("cli:")


async def test_entries_since_a_time_are_listed(logged: Bastion, pool: Pool, random_bytes: RandomBytes) -> None:
    vault = Vault(MasterKeys([bytes(range(32))]), b"", random_bytes)
    async with pool.acquire() as connection, connection.transaction():
        for at in (clock() - 7300, clock() - 7100, 1_769_846_400):  # the last at 2026-01-31 08:00 UTC
            await Audit(connection, vault).append(Entry(Kind.USER_ENABLED, at, "cli:root", None, {}, {}, ""))

    async def since(when: str) -> int:
        return (await logged("audit", "list", "--kind", "user_enabled", "--since", when)).out.count("\n")

    refused = await logged("audit", "list", "--since", "yesterday")

    assert [await since("2h"), await since("3h")] == [1, 2]
    assert [await since("2026-01-31T08:00"), await since("2026-01-31T08:00:01+00:00")] == [3, 2]
    assert await since("2026-01-31T09:00+01:00") == 3
    assert (refused.status, "write 30m, 2h or 7d" in refused.err) == (2, True)


async def test_the_tail_follows_until_it_is_interrupted(logged: Bastion) -> None:
    process = await logged.start("audit", "tail", "--limit", "1", "--user", "ada")
    assert process.stdout is not None

    first = await asyncio.wait_for(process.stdout.readline(), 30)
    await logged("user", "disable", "ada")
    second = await asyncio.wait_for(process.stdout.readline(), 30)
    process.send_signal(signal.SIGINT)
    rest, _ = await asyncio.wait_for(process.communicate(), 30)

    assert b"groups_changed" in first
    assert b"user_disabled" in second
    assert (rest, process.returncode) == (b"", 0)
