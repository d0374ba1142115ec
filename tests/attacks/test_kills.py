"""kill -9 at any moment: an act and its audit entry are both there or neither, and the chain stays one."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry
from gateway.core.compliance.controls import CONTROLS
from gateway.embedded import Binaries, Children, EmbeddedPostgres
from gateway.flows.evidence.audit_log import Linker, verify
from gateway.stores.files.checkpoints import FILE_NAME, public_key_files, read_checkpoints, read_public_keys
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault
from tests.attacks.conftest import House, open_house
from tests.attacks.victims import (
    LANGUAGES,
    Act,
    Scene,
    Victim,
    change_passwords,
    link,
    publish,
    purge,
    retention_of,
    run_controls,
    sign_in,
)
from tests.conftest import Pool
from tests.databases import execute, prepare, serving_url, tampering
from tests.exhaustive import EXHAUSTIVE
from tests.flows.controlled import run_of

KILLS = 100 if EXHAUSTIVE else 25
POSTGRES_KILLS = 8 if EXHAUSTIVE else 4
# A witness in the same transaction as the act: set_password leaves no other trace that can be counted.
_WITNESS = """
    CREATE TABLE witnessed (at bigint);
    GRANT ALL ON witnessed TO PUBLIC;
    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO witnessed VALUES (NEW.changed_at); RETURN NULL; END $$;
    CREATE TRIGGER witness AFTER UPDATE OF password ON users FOR EACH ROW EXECUTE FUNCTION witness();
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM witnessed) AS acts,
           (SELECT count(*) FROM audit_entries WHERE kind = 'password_changed') AS entries,
           (SELECT count(*) FROM audit_queue q JOIN audit_entries e ON e.id = q.entry_id
             WHERE e.kind = 'password_changed') AS queued
"""
# Runs of controls and documents that lack some of their rows, and documents and runs of retention without an entry.
_IN_PARTS = f"""
    SELECT (SELECT count(*) FROM (SELECT run, count(*) AS n FROM control_results GROUP BY run) r
             WHERE n <> CASE WHEN run > 0 THEN {len(CONTROLS)} ELSE 3 END)
         + (SELECT count(*) FROM (SELECT version, count(*) AS n FROM consent_documents GROUP BY version) d
             WHERE n <> {len(LANGUAGES)})
         + abs((SELECT count(DISTINCT version) FROM consent_documents)
               - (SELECT count(*) FROM audit_entries WHERE kind = 'document_published'))
         + abs((SELECT count(*) FROM retention_runs WHERE taken > 0)
               - (SELECT count(*) FROM audit_entries WHERE kind = 'retention_ran'))
"""
_LOGINS = """
    SELECT array(SELECT rtrim(translate(encode(id, 'base64'), '+/', '-_'), '=') FROM logins ORDER BY 1) AS acts,
           array(SELECT detail::json ->> 'login' FROM audit_entries WHERE kind = 'login' ORDER BY 1) AS entries,
           (SELECT count(*) FROM sessions) AS sessions
"""
_BUSIEST = """
    SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
     ORDER BY query_start DESC NULLS LAST LIMIT 1
"""


@dataclass
class Ends:
    """What all victims of a test said together."""

    done: int = 0
    in_the_middle: int = 0

    def add(self, heard: tuple[int, bool]) -> None:
        self.done += heard[0]
        self.in_the_middle += heard[1]


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """A witness is added to it."""
    return own_database_url


@pytest.fixture
def scene(house: House, database_url: str, redis_url: str, tmp_path: Path) -> Scene:
    assert house.questions == 0
    return Scene(database_url, redis_url, tmp_path, 0)


def kill_at(rng: random.Random, act: Act, scene: Scene, seed: int, act_s: float) -> tuple[int, bool]:
    """Somewhere in the first three acts."""
    victim = Victim.start(act, replace(scene, seed=seed))
    time.sleep(rng.uniform(0, 3 * act_s))
    return victim.kill()


def duration_s(act: Act, scene: Scene) -> float:
    """Of one act, on this machine as it is now."""
    victim = Victim.start(act, replace(scene, seed=KILLS))
    time.sleep(0.5)
    return 0.5 / max(1, victim.kill()[0])


async def test_a_password_change_that_is_killed_at_any_moment_leaves_both_the_act_and_its_entry_or_neither(
    house: House, scene: Scene
) -> None:
    await house.add("eve")
    async with tampering(house.pool) as connection:
        await connection.execute(_WITNESS)
    rng, ends = random.Random(7), Ends()
    act_s = duration_s(change_passwords, scene)

    for seed in range(KILLS):
        before = int(await house.pool.fetchval("SELECT count(*) FROM witnessed"))
        heard = kill_at(rng, change_passwords, scene, seed, act_s)
        found = await house.pool.fetchrow(_COUNTS)

        assert found is not None
        assert found["acts"] == found["entries"] == found["queued"], f"kill {seed}"
        assert heard[0] <= found["acts"] - before, f"kill {seed}: an act that was answered is gone"
        ends.add(heard)

    assert ends.in_the_middle > KILLS // 2


async def test_a_login_that_is_killed_at_any_moment_leaves_both_the_login_and_its_entry_or_neither(
    house: House, scene: Scene
) -> None:
    await house.add("eve")
    rng, ends = random.Random(8), Ends()
    act_s = duration_s(sign_in, scene)

    for seed in range(KILLS):
        before = int(await house.pool.fetchval("SELECT count(*) FROM logins"))
        heard = kill_at(rng, sign_in, scene, seed, act_s)
        found = await house.pool.fetchrow(_LOGINS)

        assert found is not None
        assert found["acts"] == found["entries"], f"kill {seed}"
        assert found["sessions"] == len(found["acts"]), f"kill {seed}"
        assert heard[0] <= len(found["acts"]) - before, f"kill {seed}: a login that was answered is gone"
        ends.add(heard)

    assert ends.in_the_middle > KILLS // 2


@pytest.fixture
async def durable(short_directory: Path, children: Children, binaries: Binaries) -> AsyncIterator[EmbeddedPostgres]:
    """As in production, with eve and the witness: a server that forgets no commit when it is killed."""
    directory = short_directory / f"durable-{uuid4().hex[:8]}"
    directory.mkdir(mode=0o711)
    directory.chmod(0o711)
    server = EmbeddedPostgres(directory, children, binaries)
    server.start()
    await prepare(server, "postgres")
    await execute(server, _WITNESS)
    yield server
    server.stop()


async def counts(url: str) -> tuple[int, int, int]:
    """Acts, entries and queued entries, as soon as the server has recovered."""
    for _ in range(600):
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
            continue
        acts, entries, queued = await connection.fetchrow(_COUNTS) or (-1, -1, -1)
        await connection.close()
        return acts, entries, queued
    pytest.fail("Postgres did not come back")


async def test_a_password_change_whose_postgres_is_killed_leaves_both_and_forgets_none_that_was_answered(
    durable: EmbeddedPostgres, redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    """One time the backend in the middle of its transaction, one time the whole server."""
    await redis.ping()
    async with (
        asyncpg.create_pool(serving_url(durable, "postgres"), min_size=0, max_size=2) as pool,
        open_house(pool, redis_url, tmp_path) as house,
    ):
        await house.add("eve")
    rng, scene, before = random.Random(9), Scene(serving_url(durable, "postgres"), redis_url, tmp_path, 0), 0

    for seed in range(POSTGRES_KILLS):
        victim = Victim.start(change_passwords, replace(scene, seed=seed))
        await asyncio.sleep(rng.uniform(0, 0.2))
        if seed % 2:
            durable.kill()
            durable.start()
        else:
            await kill_backend(durable.url())
        done, _ = victim.heard()
        acts, entries, queued = await counts(durable.url())

        assert acts == entries == queued, f"kill {seed}"
        assert before + done <= acts <= before + done + 1, f"kill {seed}"
        before = acts

    assert before > 0


async def kill_backend(url: str) -> None:
    """The one that the victim's transactions run in; Postgres then throws everybody out and recovers."""
    connection = await asyncpg.connect(url)
    pid = await connection.fetchval(_BUSIEST)
    os.kill(pid, signal.SIGKILL)
    connection.terminate()


async def test_two_linkers_that_are_killed_over_and_over_make_one_chain(house: House, scene: Scene) -> None:
    """Each dies and is replaced thirty times while entries come in; checkpoints stay readable too."""
    await house.add("eve")
    rng, vault = random.Random(10), house.there.vault
    linkers = [Victim.start(link, replace(scene, seed=number)) for number in range(2)]

    for round_number in range(60):
        await append(house.pool, vault, 5)
        await asyncio.sleep(rng.uniform(0, 0.03))
        linkers[round_number % 2].kill()
        linkers[round_number % 2] = Victim.start(link, scene)
    for linker in linkers:
        linker.kill()
    now = 1_900_000_000
    await Linker(house.pool, scene.directory / "data", scene.directory / "checkpoints", lambda: now).work()

    keys = read_public_keys(public_key_files(scene.directory / "checkpoints"))
    checkpoints = read_checkpoints(scene.directory / "checkpoints" / FILE_NAME, keys)
    verdict = await verify(house.pool, now // 1_000_000, checkpoints)
    assert (verdict.fault, verdict.position, verdict.late) == (None, 1 + 60 * 5, 0)
    assert len(keys) == 1
    assert len(checkpoints) > 10


async def append(pool: Pool, vault: Vault, count: int) -> None:
    """Each in a transaction of its own."""
    for _ in range(count):
        async with pool.acquire() as connection, connection.transaction():
            await Audit(connection, vault).append(Entry(Kind.LOGOUT, 1_800_000_000, "", None, {"login": "L"}, {}, ""))


async def test_controls_documents_and_retention_that_are_killed_leave_whole_runs_with_their_entries(
    house: House, scene: Scene
) -> None:
    """And the next start ends what a run of retention has left."""
    rng = random.Random(9)
    await house.add("eve")
    for act in (run_controls, publish, purge):
        act_s = duration_s(act, scene)
        for seed in range(100 if EXHAUSTIVE else 3):
            kill_at(rng, act, scene, seed, act_s)
            assert await house.pool.fetchval(_IN_PARTS) == 0
    await run_of(house).run()
    await retention_of(house).run()

    kept = await house.pool.fetch("SELECT run, count(*) AS results FROM control_results GROUP BY run ORDER BY run")
    told = await house.pool.fetch(
        "SELECT (detail::jsonb ->> 'run')::bigint AS run FROM audit_entries WHERE kind = 'controls_run' ORDER BY 1"
    )
    assert await house.pool.fetchval("SELECT count(*) FROM logins") == 0
    assert await house.pool.fetchval(_IN_PARTS) == 0
    assert {row["results"] for row in kept} == {len(CONTROLS)}
    assert [row["run"] for row in kept] == [row["run"] for row in told] == [*range(1, len(kept) + 1)]
