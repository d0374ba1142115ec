"""Signing keys of a whole gateway with two workers, as an app and an operator see them through Caddy."""

import asyncio
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from redis import Redis as SyncRedis

from gateway.core.jose.algorithms import OURS
from gateway.core.jose.compact import parse_compact
from gateway.core.jose.keys import VerificationKey
from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from gateway.web.oauth.jwks import PATH
from tests.conftest import run_apart
from tests.databases import execute
from tests.journeys.apps import VERIFIER, address, answered, asked_of_all_workers, decide, sign_in
from tests.journeys.node import Node, started, until
from tests.staging import Seen, Stage
from tests.zygote import bastion as run

_AT_ONCE = 16


@pytest.fixture(scope="module")
def node(postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path) -> Iterator[Node]:
    node = started(short_directory / "keys", postgres_server, redis_server)
    yield node
    node.close()


@dataclass
class App:
    """The demo's single-page app, which has an access token and a refresh token of its person."""

    stage: Stage
    access: str
    refreshing: str

    @property
    def kid(self) -> str:
        return parse_compact(self.access).kid

    def call(self) -> int:
        """The API through Caddy, on a connection of its own."""
        url, headers = f"{self.stage.summary['api_url']}/notes", {"Authorization": f"Bearer {self.access}"}
        return self.stage.visitor().send("GET", url, headers).status

    def refresh(self) -> int:
        answer = exchanged(self.stage, grant_type="refresh_token", refresh_token=self.refreshing)
        if answer.status == 200:
            self.access, self.refreshing = answer.json()["access_token"], answer.json()["refresh_token"]
        return answer.status


@pytest.fixture
def app(node: Node) -> App:
    with SyncRedis.from_url(node.stage.valkey.url) as client:
        client.flushall()  # limits begin anew
    visitor = node.stage.visitor()
    consent = sign_in(node.stage, visitor, visitor.visit(address(node.stage, prompt="consent")))
    code = answered(node.stage, decide(visitor, consent, "allow"))["code"]
    where = str(node.stage.summary["redirect_uri"])
    answer = exchanged(
        node.stage, grant_type="authorization_code", code=code, redirect_uri=where, code_verifier=VERIFIER
    )
    assert answer.status == 200, answer.text
    return App(node.stage, answer.json()["access_token"], answer.json()["refresh_token"])


def exchanged(stage: Stage, **parameters: str) -> Seen:
    body = urlencode({"client_id": str(stage.summary["client_id"]), **parameters})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return stage.visitor().send("POST", f"{stage.auth}/oauth2/token", headers, body)


def key_set(node: Node, **headers: str) -> Seen:
    return node.stage.visitor().send("GET", f"{node.stage.auth}{PATH}", headers)


def published(node: Node) -> dict[str, str]:
    """Algorithm by kid."""
    return {one["kid"]: one["alg"] for one in key_set(node).json()["keys"]}


def everywhere(node: Node, kids: set[str]) -> bool:
    """So many at once that Caddy has connections to both workers: one after another it would use the same again."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return all(set(found) == kids for found in pool.map(lambda _: published(node), range(_AT_ONCE)))


def bastion(node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = node.stage.demo.directory / "config.yaml"
    return run("signing-key", *arguments, "--config", config, env=node.stage.demo.environment)


async def test_the_first_start_makes_keys_that_apps_can_read_and_keeps_copies(node: Node) -> None:
    answer = key_set(node, Origin="https://spa.example.org")

    kids = [VerificationKey.of_jwk(one, OURS).kid for one in answer.json()["keys"]]
    assert sorted(published(node).values()) == ["ES256", "EdDSA", "RS256"]
    assert sorted(kids) == sorted(published(node))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers.get_all("Set-Cookie") is None
    assert key_set(node, **{"If-None-Match": str(answer.headers["ETag"])}).status == 304
    assert everywhere(node, set(kids))
    await until(lambda: len(copies(node)) == 3)
    assert {path.stem.removeprefix("jwt-") for path in copies(node)} == set(kids)
    assert {stat.S_IMODE(path.stat().st_mode) for path in copies(node)} == {0o600}
    assert node.figure('bastion_signing_keys{alg="ES256",state="active"}') == 1


async def test_a_rotated_key_is_published_by_all_workers_within_seconds(node: Node) -> None:
    """Waits for the workers, who read keys every two seconds."""
    before = set(published(node))

    rotated = bastion(node, "rotate", "--alg", "ES256")

    assert rotated.returncode == 0, rotated.stderr
    kid = rotated.stdout.split()[0]
    await until(lambda: everywhere(node, before | {kid}))


async def test_a_rotation_under_load_fails_no_refresh_and_no_request(node: Node, app: App) -> None:
    """Eleven minutes are made three seconds, longer than any worker takes to read the keys."""
    before = app.kid
    assert bastion(node, "rotate", "--alg", "ES256").returncode == 0
    soon = "(SELECT extract(epoch FROM now())::bigint + 3)"
    sooner = (
        f"UPDATE signing_keys SET active_from = {soon} WHERE active_from > {soon};"
        f"UPDATE signing_keys SET retire_at = {soon} WHERE retire_at > {soon}"
    )
    run_apart(execute(node.stage.postgres, sooner, "keys"))
    seen = Counter[int]()
    kids = []

    def works() -> bool:
        seen[app.refresh()] += 1
        seen[app.call()] += 1
        kids.append(app.kid)
        return len(set(kids[:1] + kids[-20:])) == 2 and len(set(kids[-20:])) == 1

    await until(works)

    assert kids[0] == before
    assert set(seen) == {200}


async def test_tokens_of_a_compromised_key_open_nothing_when_the_command_ends(node: Node, app: App) -> None:
    """Waits for all workers to say that they refuse it, and five seconds for the next key to sign."""
    stolen, meanwhile = app.kid, Counter[int]()
    assert {app.call() for _ in range(10)} == {200}

    retired = asyncio.create_task(asyncio.to_thread(bastion, node, "retire", stolen, "--compromised"))
    while not retired.done():
        meanwhile[await asyncio.to_thread(app.call)] += 1
    after = {app.call()} | await asked_of_all_workers(node.stage, app.access)
    await until(lambda: app.refresh() == 200)

    assert (await retired).returncode == 0, (await retired).stderr
    assert after == {401}
    assert set(meanwhile) <= {200, 401}
    assert app.kid != stolen
    assert {app.call() for _ in range(10)} == {200}


async def test_a_compromised_key_is_gone_when_the_command_ends(node: Node) -> None:
    """Waits for all workers to say so."""
    before = published(node)
    stolen = next(kid for kid, alg in before.items() if alg == "EdDSA")

    retired = bastion(node, "retire", stolen, "--compromised", "--within", "60")

    assert retired.returncode == 0, retired.stderr
    assert f"{stolen} is refused by 2 workers. Another key signs in its place." in retired.stdout
    assert stolen not in published(node)
    assert sorted(published(node).values()) == sorted(before.values())


def copies(node: Node) -> list[Path]:
    return list(node.stage.demo.directory.rglob("jwt-*.pem"))
