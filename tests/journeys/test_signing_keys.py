"""Signing keys of a whole gateway with two workers, as an app and an operator see them through Caddy."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.jose.algorithms import OURS
from gateway.core.jose.keys import read_key_set
from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from gateway.web.oauth.jwks import PATH
from tests.journeys.node import Node, started, until
from tests.staging import Seen


@pytest.fixture(scope="module")
def node(postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path) -> Iterator[Node]:
    node = started(short_directory / "keys", postgres_server, redis_server)
    yield node
    node.close()


def key_set(node: Node, **headers: str) -> Seen:
    return node.stage.visitor().send("GET", f"{node.stage.auth}{PATH}", headers)


def published(node: Node) -> dict[str, str]:
    """Algorithm by kid."""
    return {one["kid"]: one["alg"] for one in key_set(node).json()["keys"]}


def everywhere(node: Node, kids: set[str]) -> bool:
    """Several connections, so that both workers answer."""
    return all(set(published(node)) == kids for _ in range(6))


def bastion(node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = node.stage.demo.directory / "config.yaml"
    argv = [sys.executable, "-m", "gateway", "signing-key", *arguments, "--config", str(config)]
    return subprocess.run(
        argv, env=node.stage.demo.environment, capture_output=True, text=True, check=False, timeout=90
    )


async def test_the_first_start_makes_keys_that_apps_can_read_and_keeps_copies(node: Node) -> None:
    answer = key_set(node, Origin="https://spa.example.org")

    keys = read_key_set(answer.json()["keys"], OURS)
    assert sorted(published(node).values()) == ["ES256", "EdDSA", "RS256"]
    assert keys.keys() == published(node).keys()
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers.get_all("Set-Cookie") is None
    assert key_set(node, **{"If-None-Match": str(answer.headers["ETag"])}).status == 304
    assert everywhere(node, set(keys))
    await until(lambda: len(copies(node)) == 3)
    assert {path.stem.removeprefix("jwt-") for path in copies(node)} == set(keys)
    assert {stat.S_IMODE(path.stat().st_mode) for path in copies(node)} == {0o600}
    assert node.figure('bastion_signing_keys{alg="ES256",state="active"}') == 1


async def test_a_rotated_key_is_published_by_all_workers_within_seconds(node: Node) -> None:
    before = set(published(node))

    rotated = bastion(node, "rotate", "--alg", "ES256")

    assert rotated.returncode == 0, rotated.stderr
    kid = rotated.stdout.split()[0]
    await until(lambda: everywhere(node, before | {kid}))


async def test_a_compromised_key_is_gone_when_the_command_ends(node: Node) -> None:
    before = published(node)
    stolen = next(kid for kid, alg in before.items() if alg == "EdDSA")

    retired = bastion(node, "retire", stolen, "--compromised", "--within", "60")

    assert retired.returncode == 0, retired.stderr
    assert f"{stolen} is refused by 2 workers. Another key signs in its place." in retired.stdout
    assert stolen not in published(node)
    assert sorted(published(node).values()) == sorted(before.values())


def copies(node: Node) -> list[Path]:
    return list(node.stage.demo.directory.rglob("jwt-*.pem"))
