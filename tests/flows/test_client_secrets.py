"""The secrets of clients lie beside the policy: they are read with it, and may change without it."""

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.config.client_secrets import client_secret
from gateway.core.policy.secrets import SecretSource, SecretUnusable
from tests.conftest import Pool
from tests.flows.test_policies import Worker, another, entries

ONE, OTHER = "k" * 32, "l" * 32
MISSING = "No such file or directory"


def policy_with(secret: Path) -> str:
    return (
        "clients: {wiki: {name: Wiki, type: web, redirect_uris: https://w.example.org/cb, scopes: openid, "
        f"secret: {{file: {secret}}}}}}}\n"
    )


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(f"{ONE}\n")
    return file


@pytest.fixture
def worker(pool: Pool, tmp_path: Path, secret: Path) -> Worker:
    made = another(pool, tmp_path)
    made.file.write_text(policy_with(secret))
    return made


def hash_in_force(worker: Worker) -> bytes | None:
    assert worker.policies.current is not None
    return worker.policies.current.policy.clients["wiki"].secret_hash


async def test_a_secret_that_changed_is_in_force_at_the_next_reload_and_is_no_new_policy(
    worker: Worker, secret: Path, pool: Pool
) -> None:
    worker.policies.first()
    await worker.policies.announce()
    before = hash_in_force(worker)
    await worker.policies.reload()
    unchanged = len(worker.enforced)

    secret.write_text(OTHER)
    await worker.policies.reload()

    assert before == digest(ONE)
    assert hash_in_force(worker) == worker.enforced[-1].clients["wiki"].secret_hash == digest(OTHER)
    assert (unchanged, len(worker.enforced)) == (0, 1)
    assert [kind for kind, _ in await entries(pool)] == ["policy_loaded"]


async def test_a_secret_that_cannot_be_read_leaves_what_is_in_force(worker: Worker, secret: Path) -> None:
    worker.policies.first()

    secret.unlink()
    await worker.policies.reload()

    assert f"wiki.yaml:1:113: the secret of file {secret} can't be read: {MISSING}" in worker.policies.refused
    assert hash_in_force(worker) == digest(ONE)


async def test_a_start_without_a_secret_serves_what_was_accepted_and_that_client_cannot_authenticate(
    worker: Worker, secret: Path, pool: Pool, tmp_path: Path
) -> None:
    worker.policies.first()
    secret.unlink()
    again = another(pool, tmp_path)

    again.policies.first()

    assert MISSING in again.policies.refused
    assert again.policies.serves
    assert hash_in_force(again) is None


async def test_what_started_without_a_secret_stays_refused_until_the_secret_is_there(
    worker: Worker, secret: Path, pool: Pool, tmp_path: Path
) -> None:
    """The files are those of the last good policy, so nothing but the secret can have changed."""
    worker.policies.first()
    secret.unlink()
    again = another(pool, tmp_path)
    again.policies.first()

    await again.policies.reload()
    still = again.policies.refused
    secret.write_text(OTHER)
    await again.policies.reload()

    assert f"the secret of file {secret} can't be read: {MISSING}" in still
    assert again.policies.refused == ""
    assert hash_in_force(again) == again.enforced[-1].clients["wiki"].secret_hash == digest(OTHER)


def test_a_variable_and_a_file(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    monkeypatch.setenv("WIKI_SECRET", ONE)

    assert client_secret(SecretSource("env", "WIKI_SECRET")) == digest(ONE)
    assert client_secret(SecretSource("file", str(secret))) == digest(ONE)


def test_what_is_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WIKI_SECRET", raising=False)
    large, short = tmp_path / "large", tmp_path / "short"
    large.write_bytes(b"x" * 4097)
    short.write_text("x" * 31)

    for source, said in (
        (SecretSource("env", "WIKI_SECRET"), "is not there; expected the variable to be set"),
        (SecretSource("file", str(tmp_path)), "can't be read: Is a directory"),
        (SecretSource("file", str(large)), "has more than 4096 bytes"),
        (SecretSource("file", str(short)), "has 31 characters; expected at least 32"),
    ):
        with pytest.raises(SecretUnusable, match=said):
            client_secret(source)
