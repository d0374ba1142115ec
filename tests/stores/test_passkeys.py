"""Passkeys at rest: each is one person's, and opens nothing in another's row."""

from dataclasses import replace

import pytest

from gateway.core.passkeys.passkey import Passkey
from gateway.core.privacy.sealing import BrokenSeal
from gateway.stores.postgres.passkeys import MOST_PASSKEYS, Passkeys, hash_of
from gateway.stores.postgres.vault import CorruptRow, Vault
from tests.conftest import Pool
from tests.stores.conftest import ADA, EVE

KEY = Passkey(b"id-of-a-passkey", b"its public key", "aa-guid", 3, device_bound=True, alone=False)


async def test_a_passkey_is_found_by_its_id(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        passkeys = Passkeys(connection, vault)
        assert await passkeys.add(ADA, KEY, "Phone", 100)

        row = await passkeys.find(KEY.id)

        assert row is not None
        assert (row.user_id, row.passkey, row.name, row.created_at) == (ADA, KEY, "Phone", 100)
        assert (row.last_used_at, row.suspended_at) == (None, None)
        assert await passkeys.find(b"another") is None


async def test_a_passkey_is_enrolled_once(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        passkeys = Passkeys(connection, vault)
        assert await passkeys.add(ADA, KEY, "Phone", 100)

        assert not await passkeys.add(ADA, KEY, "Again", 100)
        assert not await passkeys.add(EVE, KEY, "Eve's", 100)
        assert [row.name for row in await passkeys.list(ADA)] == ["Phone"]
        assert await passkeys.list(EVE) == ()


async def test_a_person_has_twenty_at_most(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        passkeys = Passkeys(connection, vault)
        added = [await passkeys.add(ADA, replace(KEY, id=bytes([n])), "", 100) for n in range(MOST_PASSKEYS + 1)]

        assert added == [True] * MOST_PASSKEYS + [False]


async def test_a_row_that_was_copied_to_another_person_opens_nothing(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        passkeys = Passkeys(connection, vault)
        await passkeys.add(EVE, KEY, "Eve's", 100)
        await connection.execute("UPDATE passkeys SET user_id = $1", ADA)

        with pytest.raises(BrokenSeal):
            await passkeys.find(KEY.id)
        with pytest.raises(BrokenSeal):
            await passkeys.list(ADA)


async def test_what_is_sealed_for_one_row_opens_nothing_in_another(people: Pool, vault: Vault) -> None:
    other = replace(KEY, id=b"another id")
    async with people.acquire() as connection:
        passkeys = Passkeys(connection, vault)
        await passkeys.add(EVE, KEY, "", 100)
        await passkeys.add(EVE, other, "", 100)
        await connection.execute(
            "UPDATE passkeys SET sealed = (SELECT sealed FROM passkeys WHERE hash = $1) WHERE hash = $2",
            hash_of(KEY.id),
            hash_of(other.id),
        )

        with pytest.raises(CorruptRow):
            await passkeys.find(other.id)


async def test_one_that_is_suspended_does_not_count(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        passkeys = Passkeys(connection, vault)
        await passkeys.add(ADA, KEY, "", 100)
        assert await passkeys.hold(hash_of(KEY.id)) == 3
        await passkeys.use(hash_of(KEY.id), 4, 200)
        assert await passkeys.hold(hash_of(KEY.id)) == 4

        await passkeys.suspend(hash_of(KEY.id), 300)

        assert await passkeys.hold(hash_of(KEY.id)) is None
        row = await passkeys.find(KEY.id)
        assert row is not None
        assert (row.last_used_at, row.suspended_at) == (200, 300)


async def test_only_the_owner_removes_one_and_names_it(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        passkeys = Passkeys(connection, vault)
        await passkeys.add(ADA, KEY, "Phone", 100)
        row = await passkeys.find(KEY.id)
        assert row is not None

        await passkeys.rename(row, "Key ring")
        await passkeys.rename(replace(row, user_id=EVE), "Eve was here")
        assert not await passkeys.remove(row.hash, EVE)

        assert [one.name for one in await passkeys.list(ADA)] == ["Key ring"]
        assert await passkeys.remove(row.hash, ADA)
        assert await passkeys.list(ADA) == ()


async def test_nothing_of_it_is_in_clear(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        await Passkeys(connection, vault).add(ADA, KEY, "Phone", 100)

        row = await connection.fetchval("SELECT passkeys::text FROM passkeys")

        for clear in (KEY.id, KEY.public_key, b"Phone"):
            assert clear.hex() not in row
            assert clear.decode() not in row
