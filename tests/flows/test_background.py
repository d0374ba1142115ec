"""What runs beside the requests: one leader at a time, and denials added up."""

import asyncio
import contextlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from structlog.testing import capture_logs

from gateway.app.concern import every
from gateway.app.counters import attempt_counter
from gateway.core.forward.answer import Answer
from gateway.core.privacy.sealing import MasterKeys
from gateway.embedded import EmbeddedPostgres
from gateway.flows.evidence.tallies import OTHER_HOSTS, Tallies
from gateway.flows.operate.leader import Job, Leader
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from gateway.web.errors import CrossSite, FormExpired
from tests.acting import acts_of
from tests.conftest import Pool, RandomBytes
from tests.deciding import ADA


def leader_of(
    pool: Pool,
    *jobs: Job,
    failed: Callable[[str], None] = lambda _job: None,
    took: Callable[[str, int], None] = lambda _job, _us: None,
) -> Leader:
    return Leader(pool, jobs, failed, took, heartbeat_s=0.01)


@contextlib.asynccontextmanager
async def leading(leader: Leader) -> AsyncIterator[None]:
    task = asyncio.create_task(leader.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_one_of_many_leads_and_another_takes_over(pool: Pool) -> None:
    rounds = {"first": 0, "second": 0}

    def leader(name: str) -> "asyncio.Task[None]":
        async def work() -> None:
            rounds[name] += 1

        return asyncio.create_task(leader_of(pool, Job("work", work, every_s=0.01)).run())

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

    task = asyncio.create_task(leader_of(pool, Job("work", work, every_s=0.01)).run())
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


async def test_a_job_that_fails_or_hangs_is_counted_begun_anew_and_in_nobodys_way(pool: Pool) -> None:
    rounds, took = Counter[str](), defaultdict[str, list[int]](list)
    failed: list[str] = []

    async def fine() -> None:
        rounds["fine"] += 1

    async def fails() -> None:
        rounds["fails"] += 1
        raise ValueError("a mistake of ours")

    async def postgres_is_away() -> None:
        raise RecordUnavailable("Postgres does not answer")

    async def hangs() -> None:
        rounds["hangs"] += 1
        await asyncio.Event().wait()

    jobs = (
        Job("hangs", hangs, every_s=0.01, most_s=0.2),
        Job("fails", fails, every_s=0.01),
        Job("away", postgres_is_away, every_s=0.01),
        Job("fine", fine, every_s=0.01),
    )
    with capture_logs() as logs:
        timed = leader_of(pool, *jobs, failed=failed.append, took=lambda job, us: took[job].append(us))
        async with leading(timed):
            await until(lambda: rounds["hangs"] >= 3)

    assert rounds["fine"] > 10
    assert rounds["fails"] > 10
    assert failed.count("fails") > 10
    assert failed.count("away") > 10
    assert 2 <= failed.count("hangs") <= rounds["hangs"]
    assert "fine" not in failed
    assert len(took["hangs"]) == failed.count("hangs"), "also a round that hung has taken its time"
    assert all(200_000 <= one < 5_000_000 for one in took["hangs"])
    assert rounds["fails"] - len(took["fails"]) in {0, 1}, "of the last round nobody has heard"
    assert min(took["fine"]) < 200_000
    assert Counter((line["event"], line["job"]) for line in logs if "job" in line) == {
        ("timed work failed, and is tried again", "fails"): 1,
        ("timed work failed, and is tried again", "away"): 1,
        ("timed work hangs, and was begun anew", "hangs"): 1,
    }, "each once a minute"


async def test_who_has_lost_the_lock_has_ended_all_jobs(pool: Pool) -> None:
    ended = Counter[str]()
    begun = Counter[str]()

    def job(name: str) -> Job:
        async def work() -> None:
            begun[name] += 1
            try:
                await asyncio.Event().wait()
            finally:
                ended[name] += 1

        return Job(name, work)

    async with leading(leader_of(pool, job("one"), job("another"))):
        await until(lambda: begun.total() == 2)
        async with pool.acquire() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        await until(lambda: ended.total() == 2)
        led_again = begun.total() > 2
        await until(lambda: begun.total() == 4)

    assert not led_again, "only after all had ended"
    assert ended == begun


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


async def test_attempts_are_added_up_by_reason_and_of_many_hosts_the_rest_is_one(pool: Pool) -> None:
    tallies = Tallies(acts_of(pool))

    for number in range(150):
        tallies.count_refused(f"x{number}.example.org", "odd_path: the route does not accept double_slash")
        tallies.count_refused(f"x{number}.example.org", "no_host")
    for _ in range(3):
        tallies.count_taken("x0.example.org", [b"Remote-User", b"X-Real-IP"])
        tallies.count_taken("x0.example.org", [b"X-Real-IP"])
    await tallies.write()
    await tallies.write()

    rows = await pool.fetch("SELECT kind, actor, subject, detail FROM audit_entries ORDER BY id")
    details = [json.loads(row["detail"]) for row in rows]
    assert {(row["kind"], row["actor"], row["subject"]) for row in rows} == {("attempts_counted", "", None)}
    assert details[0] == {"reason": "ambiguous_path", "host": "x0.example.org", "times": 1}
    assert details[100:] == [
        {"reason": "ambiguous_path", "host": OTHER_HOSTS, "times": 50},
        {"reason": "forged_header", "host": OTHER_HOSTS, "times": 3},
    ]


async def test_a_form_of_another_site_is_an_attempt_and_one_that_has_expired_is_none(pool: Pool) -> None:
    tallies, failures = Tallies(acts_of(pool)), list[Exception]()
    heard = attempt_counter(failures.append, tallies, "auth.example.org")

    errors = [CrossSite("Origin is not our own"), FormExpired({}, has_cookie=True), RecordUnavailable("away")]
    for error in errors:
        heard(error)

    assert failures == errors
    assert dict(tallies._attempts) == {("csrf", "auth.example.org"): 1}


async def test_tallies_wait_for_postgres(pool: Pool) -> None:
    tallies = Tallies(acts_of(pool))
    tallies.count_denial(Answer(403, b"", b"", "deny", "app/admin", "x", ADA))
    tallies.count_doubled("app.example.org", ["__Host-bastion"])
    tallies.count_attempt("csrf", "auth.example.org")
    await pool.close()

    await tallies.write()

    assert [sum(one.values()) for one in (tallies._denials, tallies._doubled, tallies._attempts)] == [1, 1, 1]


async def test_a_database_without_a_schema_is_no_crash(postgres_server: EmbeddedPostgres) -> None:
    """A gateway that starts before `bastion migrate` waits for it and says so."""
    async with asyncpg.create_pool(postgres_server.url(), min_size=0, max_size=1) as pool:
        with pytest.raises(RecordUnavailable, match="bastion migrate"):
            async with transaction(pool) as connection:
                await connection.fetch("SELECT * FROM users")


async def test_work_that_is_put_off_again_and_again_is_told_once_until_it_succeeds() -> None:
    rounds = 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds != 5:
            raise RecordUnavailable("no connection to Postgres")

    with capture_logs() as logged:
        task = asyncio.create_task(every(0, work))
        await until(lambda: rounds > 10)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    assert [(line["event"], line["why"]) for line in logged] == [("work is put off", "no connection to Postgres")] * 2
