"""People are found by any spelling of their names, and nothing personal lies in clear."""

from base64 import urlsafe_b64decode
from uuid import UUID

import pytest

from gateway.core.privacy.sealing import BrokenSeal
from gateway.stores.postgres.users import Names, NameTaken, NewUser, Users
from gateway.stores.postgres.vault import CorruptRow, Vault
from tests.conftest import Pool
from tests.stores.conftest import ADA, EVE


@pytest.mark.parametrize("name", ["ada", "ADA", " Ada ", "ada@example.org", "Ada@Example.ORG"])
async def test_a_person_is_found_by_user_name_and_email(people: Pool, vault: Vault, name: str) -> None:
    async with people.acquire() as connection:
        found = await Users(connection, vault).find_by_name(name)

    assert found is not None
    assert (found.id, found.username, found.name, found.email) == (ADA, "ada", "Ada Lovelace", "ada@example.org")
    assert (found.state, found.groups, found.version, found.password) == ("active", ("staff", "ops"), 1, "secret")


@pytest.mark.parametrize("name", ["", "ad", "a_a", "%", "eve@example.org", "ada\0"])
async def test_nobody_else_is_found(people: Pool, vault: Vault, name: str) -> None:
    async with people.acquire() as connection:
        assert await Users(connection, vault).find_by_name(name) is None


@pytest.mark.parametrize(
    ("username", "email"), [("ADA", ""), ("x", "ADA@example.org"), ("ada@example.org", ""), ("x", "ada")]
)
async def test_a_name_means_one_person(people: Pool, vault: Vault, username: str, email: str) -> None:
    async with people.acquire() as connection, connection.transaction():
        with pytest.raises(NameTaken):
            await Users(connection, vault).add(NewUser(UUID(int=9), username, "", email, (), "p"), 1)


async def test_changes_that_nodes_must_see_raise_the_version(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        users = Users(connection, vault)
        await users.set_groups(ADA, ("staff",), 200)
        disabled = await users.set_state(ADA, "disabled", 201)
        again = await users.set_state(ADA, "disabled", 202)
        found = await users.find(ADA)

    assert (disabled, again) == (True, False)
    assert found is not None
    assert (found.groups, found.state, found.version) == (("staff",), "disabled", 3)


async def test_rows_say_with_which_key_their_names_are_found(people: Pool, vault: Vault) -> None:
    """One of an earlier version says nothing until its names change."""
    async with people.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE users SET index_key = NULL WHERE id = $1", EVE)
        users = Users(connection, vault)
        assert await users.find_by_name("eve") is not None
        await users.set_names(EVE, Names("eva", "", ""), 200)

        in_users = await connection.fetch("SELECT DISTINCT index_key FROM users")
        in_used_names = await connection.fetch("SELECT index_key FROM used_names")

    assert [row[0] for row in (*in_users, *in_used_names)] == [vault.index_id] * 2
    assert len(vault.index_id) == 8


async def test_nothing_personal_is_in_the_tables(people: Pool) -> None:
    async with people.acquire() as connection:
        rows = await connection.fetch("SELECT * FROM users JOIN user_keys ON user_id = id")

    text = b" ".join(readable(value) for row in rows for value in row).lower()
    assert b"ada" not in text
    assert b"lovelace" not in text
    assert b"example" not in text


def readable(value: object) -> bytes:
    """What Fernet wraps in base64 is looked at beneath it: there three letters hardly ever come by chance."""
    raw = value if isinstance(value, bytes) else str(value).encode()
    return urlsafe_b64decode(raw) if raw.startswith(b"gAAAA") else raw


async def test_a_row_that_was_moved_to_another_person_does_not_open(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        await connection.execute(
            "UPDATE users SET sealed = (SELECT sealed FROM users WHERE id = $1) WHERE id = $2", EVE, ADA
        )
        with pytest.raises(BrokenSeal):
            await Users(connection, vault).find(ADA)
        await connection.execute(
            "UPDATE user_keys SET wrapped = (SELECT wrapped FROM user_keys WHERE user_id = $1) WHERE user_id = $2",
            EVE,
            ADA,
        )
        with pytest.raises(BrokenSeal):
            await Users(connection, vault).find(ADA)


async def test_without_the_data_key_a_person_cannot_be_read(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        await connection.execute("DELETE FROM user_keys WHERE user_id = $1", ADA)
        with pytest.raises(CorruptRow):
            await Users(connection, vault).find(ADA)
