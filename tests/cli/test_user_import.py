"""An operator takes over the people of Authelia, as often as they like."""

from pathlib import Path

import bcrypt
import pytest

from tests.cli.conftest import Bastion
from tests.conftest import Pool

OFFICE = {"BASTION_MAIL_SMTP": "127.0.0.1:9", "BASTION_MAIL_FROM": "auth@example.com"}
HASH = bcrypt.hashpw(b"horse", bcrypt.gensalt(4)).decode()
SHA512 = "$6$rounds=50000$aFr56HjK3DrB8t3S$zhPQiS85cgBlNhUKKE6n/AHMlpqrvYSnSL3fEVkK0yHFQ.oFFAd8D4OhPAy18K5U61Z2eBhx"
USERS = f"""\
users:
  ada: {{displayname: Ada Lovelace, password: {HASH}, email: ada@example.org, groups: [staff, ops]}}
  old: {{displayname: Old Timer, password: '{SHA512}', email: old@example.org}}
  mute: {{password: '{SHA512}'}}
  gone: {{disabled: true, password: {HASH}}}
  twin: {{password: {HASH}, email: ada@example.org}}
  "a,b": {{password: {HASH}}}
"""


@pytest.fixture
def file(bastion: Bastion) -> Path:
    path = bastion.directory / "users_database.yml"
    path.write_text(USERS)
    return path


async def counted(pool: Pool) -> dict[str, int]:
    tables = ("users", "links", "outbox")
    return {name: await pool.fetchval(f"SELECT count(*) FROM {name}") for name in tables}


async def test_people_come_over_once_with_a_report_of_each(bastion: Bastion, pool: Pool, file: Path) -> None:
    tried = await bastion("user", "import", "authelia", str(file), "--dry-run", **OFFICE)
    nothing = await counted(pool)
    taken = await bastion("user", "import", "authelia", str(file), **OFFICE)
    everything = await counted(pool)
    again = await bastion("user", "import", "authelia", str(file), **OFFICE)

    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in taken.out.splitlines()[:-1]}
    assert lines == {
        "ada": "imported  bcrypt",
        "old": "invited   Bastion verifies no sha512crypt",
        "mute": "left out  Bastion verifies no sha512crypt, and there is no mail to invite them by",
        "gone": "imported  bcrypt",
        "twin": "left out  somebody else has the user name or the e-mail address",
        "a,b": "left out  user name 'a,b': 1 to 64 of letters, digits and . _ @ - are allowed",
    }
    assert taken.out.endswith("\n2 imported, 1 invited, 0 there already, 3 left out.\n")
    # Nobody was there whose address a twin could have.
    assert tried.out.endswith("\n3 imported, 1 invited, 0 there already, 2 left out. Nothing was changed.\n")
    assert nothing == {"users": 0, "links": 0, "outbox": 0}
    assert everything == {"users": 3, "links": 1, "outbox": 1}
    assert again.out.endswith("\n0 imported, 0 invited, 3 there already, 3 left out.\n")
    assert await counted(pool) == everything


async def test_what_was_taken_over_is_audited_and_no_hash_lies_anywhere(
    bastion: Bastion, pool: Pool, file: Path
) -> None:
    await bastion("user", "import", "authelia", str(file), **OFFICE)
    audited = await pool.fetch("SELECT kind, detail::text AS detail FROM audit_entries ORDER BY id")
    listed = (await bastion("user", "list")).out
    passwords = [row["password"] for row in await pool.fetch("SELECT password FROM users ORDER BY created_at")]

    assert [row["kind"] for row in audited if row["kind"].startswith("user_")] == [
        "user_imported", "user_imported", "user_invited", "user_imported"
    ]  # fmt: skip
    assert '"scheme":"bcrypt"' in audited[0]["detail"].replace(" ", "")
    assert "ada                      ada@example.org                  staff,ops" in listed
    assert "[disabled]" in listed
    assert sorted(password[:14] for password in passwords) == ["", "i1$p1$bcrypt,4", "i1$p1$bcrypt,4"]
    dump = " ".join([*passwords, *(str(row) for row in audited)])
    assert HASH.split("$")[-1] not in dump


async def test_another_file_is_refused_with_its_place(bastion: Bastion, file: Path) -> None:
    file.write_text("people: {}")

    refused = await bastion("user", "import", "authelia", str(file))

    assert (refused.status, "users_database.yml:1:1: expected `users:`" in refused.err) == (1, True)
