"""What runs beside the requests: one leader at a time, and denials added up."""

import asyncio
import contextlib
import json

import asyncpg
import pytest

from gateway.core.forward.answer import Answer
from gateway.core.privacy.sealing import MasterKeys
from gateway.embedded import EmbeddedPostgres
from gateway.flows.leader import Leader
from gateway.flows.tallies import OTHER_HOSTS, Tallies
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of
from tests.conftest import Pool, RandomBytes
from tests.deciding import ADA


async def test_one_of_many_leads_and_another_takes_over(pool: Pool) -> None:
    rounds = {"first": 0, "second": 0}

    def leader(name: str) -> "asyncio.Task[None]":
        async def work() -> None:
            rounds[name] += 1

        return asyncio.create_task(Leader(pool, work, every_s=0.01).run())

    first = leader("first")
    await asyncio.sleep(0.2)
    second = leader("second")
    await asyncio.sleep(0.2)
    led_alone = rounds["second"] == 0 and rounds["first"] > 1
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first

    async with asyncio.timeout(10):
        while not rounds["second"]:
            await asyncio.sleep(0.05)
    second.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await second

    assert led_alone


async def test_a_leader_whose_connection_is_cut_leads_again(pool: Pool) -> None:
    rounds = 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1

    task = asyncio.create_task(Leader(pool, work, every_s=0.01).run())
    await asyncio.sleep(0.2)
    async with pool.acquire() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    before = rounds

    async with asyncio.timeout(10):
        while rounds <= before + 2:
            assert not task.done(), task.exception()
            await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert before > 1


async def test_denials_of_a_person_are_added_up(pool: Pool) -> None:
    vault = Vault(MasterKeys([b"m" * 32]), b"i" * 32, RandomBytes())
    async with pool.acquire() as connection, connection.transaction():
        await Users(connection, vault).add(NewUser(ADA, "ada", "", "", (), "x"), 1)
    tallies = Tallies(acts_of(pool, vault=vault))
    denied = Answer(403, b"", b"", "deny", "app/admin", "not among those allowed here", ADA)

    for _ in range(5):
        tallies.count_denial(denied)
    tallies.count_denial(Answer(403, b"", b"", "deny", "app/admin", "x", None))
    tallies.count_denial(Answer(200, b"", b"", "allow", "app/admin", "x", ADA))
    await tallies.write()
    await tallies.write()

    rows = await pool.fetch("SELECT kind, subject, detail FROM audit_entries")
    assert [(row["kind"], row["subject"]) for row in rows] == [("access_denied", ADA)]
    assert '"times":5' in rows[0]["detail"]


async def test_doubled_cookies_are_added_up_by_host_and_strangers_fill_no_log(pool: Pool) -> None:
    tallies = Tallies(acts_of(pool))

    for number in range(150):
        for _ in range(2):
            tallies.count_doubled(f"x{number}.example.org", ["__Host-bastion"])
    await tallies.write()
    await tallies.write()

    rows = await pool.fetch("SELECT kind, actor, subject, detail FROM audit_entries ORDER BY id")
    details = [json.loads(row["detail"]) for row in rows]
    assert {(row["kind"], row["actor"], row["subject"]) for row in rows} == {("cookie_doubled", "", None)}
    assert details[0] == {"host": "x0.example.org", "cookie": "__Host-bastion", "times": 2}
    assert details[-1] == {"host": OTHER_HOSTS, "cookie": "__Host-bastion", "times": 100}
    assert len(details) == 101


async def test_tallies_wait_for_postgres(pool: Pool) -> None:
    tallies = Tallies(acts_of(pool))
    tallies.count_denial(Answer(403, b"", b"", "deny", "app/admin", "x", ADA))
    tallies.count_doubled("app.example.org", ["__Host-bastion"])
    await pool.close()

    await tallies.write()

    assert (sum(tallies._denials.values()), sum(tallies._doubled.values())) == (1, 1)


async def test_a_database_without_a_schema_is_no_crash(postgres_server: EmbeddedPostgres) -> None:
    """A gateway that starts before `bastion migrate` waits for it and says so."""
    async with asyncpg.create_pool(postgres_server.url(), min_size=0, max_size=1) as pool:
        with pytest.raises(RecordUnavailable, match="bastion migrate"):
            async with transaction(pool) as connection:
                await connection.fetch("SELECT * FROM users")
