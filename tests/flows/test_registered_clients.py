"""A worker has the clients of the database beside those of its files, and neither waits for the other."""

from hashlib import sha256
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.flows.policy.registered_clients import RegisteredClients
from gateway.stores.postgres.clients import ClientRows
from tests.conftest import Pool
from tests.flows.test_client_secrets import policy_with
from tests.flows.test_policies import BETTER, BROKEN, GOOD, Worker, another, entries

SPA = '{"name": "Notes", "type": "spa", "redirect_uris": "https://spa.example.org/cb", "scopes": "openid"}'


@pytest.fixture
def worker(pool: Pool, tmp_path: Path) -> Worker:
    made = another(pool, tmp_path)
    made.file.write_text(GOOD)
    made.policies.first()
    return made


async def registered(pool: Pool, name: str, settings: str = SPA) -> None:
    async with pool.acquire() as connection:
        assert await ClientRows(connection).add(name, settings, None, 1)


def known(worker: Worker) -> list[str]:
    assert worker.policies.current is not None
    return sorted(worker.policies.current.policy.clients)


async def test_one_is_known_from_the_next_reading_on_and_enforced_once(worker: Worker, pool: Pool) -> None:
    reading = RegisteredClients(pool, worker.policies)
    await reading.refresh()
    before = list(worker.enforced)
    await registered(pool, "notes")

    await reading.refresh()
    await reading.refresh()

    assert before == []
    assert [sorted(policy.clients) for policy in worker.enforced] == [["notes"]]
    assert known(worker) == ["notes"]
    assert await entries(pool) == []


async def test_a_disabled_one_is_gone(worker: Worker, pool: Pool) -> None:
    reading = RegisteredClients(pool, worker.policies)
    await registered(pool, "notes")
    await reading.refresh()
    await pool.execute("UPDATE clients SET state = 'disabled'")

    await reading.refresh()

    assert "notes" not in worker.enforced[-1].clients


async def test_a_changed_policy_keeps_them(worker: Worker, pool: Pool) -> None:
    await registered(pool, "notes")
    await RegisteredClients(pool, worker.policies).refresh()

    worker.file.write_text(BETTER)
    await worker.policies.reload()

    assert len(worker.enforced) == 2
    assert known(worker) == ["notes"]


async def test_a_mistake_in_the_files_holds_up_none(worker: Worker, pool: Pool) -> None:
    worker.file.write_text(BROKEN)
    await worker.policies.reload()
    await registered(pool, "notes")

    await RegisteredClients(pool, worker.policies).refresh()

    assert known(worker) == ["notes"]
    assert worker.policies.refused
    assert worker.policies.current is not None
    assert worker.policies.current.policy.routes


async def test_secrets_of_declared_ones_are_not_read_again(pool: Pool, tmp_path: Path) -> None:
    """A file that cannot be read at this moment would take them away."""
    secret = tmp_path / "secret"
    secret.write_text("k" * 32)
    worker = another(pool, tmp_path)
    worker.file.write_text(policy_with(secret))
    worker.policies.first()
    secret.unlink()
    await registered(pool, "notes")

    await RegisteredClients(pool, worker.policies).refresh()

    assert known(worker) == ["notes", "wiki"]
    assert worker.enforced[-1].clients["wiki"].secret_hash == sha256(b"k" * 32).digest()


async def test_a_worker_that_started_without_a_secret_gets_them_too(pool: Pool, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("k" * 32)
    before = another(pool, tmp_path)
    before.file.write_text(policy_with(secret))
    before.policies.first()
    secret.unlink()
    worker = another(pool, tmp_path)
    worker.policies.first()
    await registered(pool, "notes")

    await RegisteredClients(pool, worker.policies).refresh()

    assert known(worker) == ["notes", "wiki"]
    assert worker.enforced[-1].clients["wiki"].secret_hash is None


async def test_one_that_is_left_out_is_in_the_log(worker: Worker, pool: Pool) -> None:
    await registered(pool, "bad", SPA.replace("openid", "gone"))
    await registered(pool, "notes")

    with capture_logs() as logs:
        await RegisteredClients(pool, worker.policies).refresh()

    assert known(worker) == ["notes"]
    (warning,) = [log for log in logs if log["log_level"] == "warning"]
    assert (warning["client"], "gone" in warning["why"]) == ("bad", True)
