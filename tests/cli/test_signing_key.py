"""`bastion signing-key` shows, rotates and retires the keys, and says where it can't be sure."""

import asyncio
import json
from pathlib import Path

from gateway.core.jose.keys import SigningKey
from gateway.core.keys import pem_passphrase
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.token.signing_keys import NEXT_S
from gateway.stores.files.revoked_keys import FILE_NAME
from gateway.stores.postgres.policy_workers import PolicyWorkers
from gateway.stores.postgres.signing_keys import SigningKeys
from gateway.stores.postgres.vault import Vault
from tests.cli.conftest import Bastion
from tests.conftest import Pool, RandomBytes


async def kids(bastion: Bastion) -> dict[str, list[str]]:
    """By algorithm, the oldest first."""
    found: dict[str, list[str]] = {}
    for line in (await bastion("signing-key", "list")).out.splitlines():
        kid, alg, *_ = line.split()
        found.setdefault(alg, []).append(kid)
    return found


async def test_keys_are_rotated_and_then_the_old_one_retires(bastion: Bastion, pool: Pool) -> None:
    empty = await bastion("signing-key", "list")
    nothing = await bastion("signing-key", "rotate")
    await first_boot(pool)
    ((old,),) = (await kids(bastion)).values()

    early = await bastion("signing-key", "retire", old)
    rotated = await bastion("signing-key", "rotate", "--alg", "ES256")
    listed = (await bastion("signing-key", "list")).out.splitlines()
    async with pool.acquire() as connection:
        await connection.execute("UPDATE signing_keys SET active_from = active_from - $1", NEXT_S)
    retired = await bastion("signing-key", "retire", old)

    assert empty.out == "There are no signing keys yet: the first node that starts makes them.\n"
    assert (nothing.status, nothing.err) == (1, "Error: no key signs with that now; see `bastion signing-key list`\n")
    assert early.status == 1
    assert "no other key signs with ES256 now: `bastion signing-key rotate --alg ES256` makes one" in early.err
    assert (rotated.status, "ES256   signs from " in rotated.out) == (0, True)
    assert "   active   made " in listed[0]
    assert ", published until " in listed[0]
    assert "   next   made " in listed[1]
    assert (retired.status, retired.out) == (0, f"{old} signs nothing more. It is published for another day.\n")


async def test_a_compromised_key_is_remembered_and_its_workers_are_waited_for(bastion: Bastion, pool: Pool) -> None:
    await first_boot(pool)
    ((stolen,),) = (await kids(bastion)).values()
    async with pool.acquire() as connection:
        await PolicyWorkers(connection).report("a", 0, "v", "", 0, [stolen])

    behind = await bastion("signing-key", "retire", stolen, "--compromised", "--within", "1")
    again, _ = await asyncio.gather(
        bastion("signing-key", "retire", stolen, "--compromised"), worker_follows(pool, after_s=1)
    )

    assert behind.status == 1
    assert f"{stolen} may still be accepted after 1 s:\n  a, worker 0: still accepts the key" in behind.err
    assert (again.status, again.err) == (0, "")
    assert f"{stolen} is refused by 1 workers. Another key signs in its place." in again.out
    assert stolen in (bastion.directory / "checkpoints" / FILE_NAME).read_text()
    listed = (await bastion("signing-key", "list")).out.splitlines()
    assert "   compromised   " in listed[0]
    assert len(listed) == 2


async def test_a_key_that_is_not_there_and_a_directory_that_cannot_be_written_are_said(
    bastion: Bastion, pool: Pool
) -> None:
    await first_boot(pool)
    ((kid,),) = (await kids(bastion)).values()
    Path(bastion.directory / "checkpoints").touch()

    unknown = await bastion("signing-key", "retire", "other", "--compromised")
    with_hyphen = await bastion("signing-key", "retire", "-hx", "--compromised")
    compromised = await bastion("signing-key", "retire", kid, "--compromised")

    assert unknown.status == 1
    assert with_hyphen.err == "Error: there is no signing key -hx; see `bastion signing-key list`\n"
    assert unknown.err == "Error: there is no signing key other; see `bastion signing-key list`\n"
    assert compromised.status == 0
    assert "can't be written" in compromised.err
    assert "is refused by 0 workers" in compromised.out


async def test_a_copy_of_a_key_that_the_database_lost_is_imported(bastion: Bastion, pool: Pool) -> None:
    await first_boot(pool)
    lost = SigningKey.generate("ES256")
    file = bastion.directory / f"jwt-{lost.kid}.pem"
    file.write_bytes(lost.pem(pem_passphrase(bytes(range(32)))))
    (bastion.directory / "other.pem").write_bytes(lost.pem(b"another passphrase"))

    imported = await bastion("signing-key", "import", str(file))
    again = await bastion("signing-key", "import", str(file))
    other = await bastion("signing-key", "import", "other.pem")

    assert (imported.status, imported.err) == (0, "")
    assert imported.out.startswith(f"{lost.kid}   ES256   signs from ")
    assert (again.status, f"the key {lost.kid} is or was one of the fleet's" in again.err) == (1, True)
    assert (other.status, other.err) == (
        1,
        "Error: other.pem: not a private key in PEM, or under another passphrase\n",
    )


async def first_boot(pool: Pool) -> None:
    """One key, with the secrets of the configuration."""
    vault = Vault(MasterKeys([bytes(range(32))]), b"i" * 32, RandomBytes())
    async with pool.acquire() as connection:
        await SigningKeys(connection, vault).add(SigningKey.generate("ES256"), 1, 1)


async def worker_follows(pool: Pool, after_s: float) -> None:
    await asyncio.sleep(after_s)
    async with pool.acquire() as connection:
        await PolicyWorkers(connection).report("a", 0, "v", "", 0, [])


async def test_an_exported_key_is_encrypted_audited_and_can_be_imported_elsewhere(
    bastion: Bastion, pool: Pool, tmp_path: Path
) -> None:
    await first_boot(pool)
    ((kid,),) = (await kids(bastion)).values()
    file = tmp_path / "key.pem"

    exported = await bastion("signing-key", "export", kid, str(file))
    again = await bastion("signing-key", "export", kid, str(file))
    unknown = await bastion("signing-key", "export", "nobody", str(tmp_path / "other.pem"))
    kinds = [entry["kind"] for entry in json.loads((await bastion("audit", "list", "--json")).out)]
    async with pool.acquire() as connection:
        await connection.execute("DELETE FROM signing_keys")
    imported = await bastion("signing-key", "import", str(file))

    assert (exported.status, exported.out) == (0, f"{file} is {kid}, encrypted.\n"), exported.err
    assert file.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (again.status, again.err) == (1, f"Error: {file} exists; name another\n")
    assert (unknown.status, (tmp_path / "other.pem").exists()) == (1, False)
    assert kinds.count("signing_key_exported") == 1
    assert imported.out.startswith(kid)
