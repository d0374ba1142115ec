"""Signing keys of two nodes on one database: what either signs both verify, whatever befalls a key."""

import asyncio
import http.client
import json
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlencode, urlsplit

import pytest

from gateway.core.jose.compact import parse_compact
from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.conftest import run_apart
from tests.databases import execute
from tests.journeys.apps import CONNECTIONS, FORM, asked_of_all_workers, tokens_for
from tests.journeys.node import Node, beside, started
from tests.zygote import bastion as run

_SOONER = """
    UPDATE signing_keys SET active_from = {soon} WHERE active_from > {soon};
    UPDATE signing_keys SET retire_at = {soon} WHERE retire_at > {soon}
""".format(soon="(SELECT extract(epoch FROM now())::bigint + 3)")


class Unix(http.client.HTTPConnection):
    """To a node's socket, as its Caddy would be connected."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


@dataclass
class Fleet:
    """first: behind Caddy. second: a node of its own data and sockets, with one worker."""

    first: Node
    second: str
    process: "Popen[bytes]"

    def command(self, *arguments: str) -> str:
        demo = self.first.stage.demo
        done = run("signing-key", *arguments, "--config", demo.directory / "config.yaml", env=demo.environment)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    async def decisions(self, token: str, connections: int = CONNECTIONS) -> set[int]:
        """Of both nodes, by default of each worker."""
        stage = self.first.stage
        first = await asked_of_all_workers(stage, token, connections=connections)
        return first | await asked_of_all_workers(stage, token, f"{self.second}/decision", connections)

    def refresh(self, refreshing: str, *, at_second: bool) -> tuple[int, str, str]:
        """Status, and the next two tokens."""
        issuer = str(self.first.stage.summary["issuer"])
        fields = {"client_id": str(self.first.stage.summary["client_id"]), "grant_type": "refresh_token"}
        body = urlencode({**fields, "refresh_token": refreshing})
        if at_second:
            connection = Unix(f"{self.second}/web")
            caddys = {"Host": urlsplit(issuer).netloc, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
            connection.request("POST", "/oauth2/token", body, {**FORM, **caddys})
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode()
            connection.close()
        else:
            seen = self.first.stage.visitor().send("POST", f"{issuer}/oauth2/token", FORM, body)
            status, text = seen.status, seen.text
        told = json.loads(text) if status == 200 else {}
        return status, told.get("access_token", ""), told.get("refresh_token", "")


@pytest.fixture(scope="module")
def fleet(postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path) -> Iterator[Fleet]:
    first = started(short_directory / "fleet", postgres_server, redis_server)
    try:
        with beside(first, short_directory / "second") as process:
            yield Fleet(first, str(short_directory / "second"), process)
    finally:
        first.close()


@dataclass(frozen=True)
class Tokens:
    access: str
    refreshing: str

    @property
    def kid(self) -> str:
        return parse_compact(self.access).kid


def signed_in(fleet: Fleet) -> Tokens:
    tokens = tokens_for(fleet.first.stage, fleet.first.stage.visitor())
    return Tokens(tokens["access_token"], tokens["refresh_token"])


async def after_next(fleet: Fleet, tokens: Tokens, turn: int, seen: "Counter[object]") -> Tokens:
    """Refreshed at either node in turn, and asked of both; a grant may have 600 decisions a minute."""
    await asyncio.sleep(0.2)
    status, access, refreshing = await asyncio.to_thread(fleet.refresh, tokens.refreshing, at_second=turn % 2 == 0)
    seen["refresh", status] += 1
    if status != 200:
        return tokens
    tokens = replace(tokens, access=access, refreshing=refreshing)
    for decided in await fleet.decisions(tokens.access, 3):
        seen["decision", decided] += 1
    return tokens


async def test_a_rotation_under_load_fails_on_neither_node(fleet: Fleet) -> None:
    """Eleven minutes are made three seconds, longer than any worker takes to read the keys."""
    tokens = signed_in(fleet)
    kids = [tokens.kid]
    fleet.command("rotate", "--alg", "ES256")
    run_apart(execute(fleet.first.stage.postgres, _SOONER, "fleet"))
    seen: Counter[object] = Counter()

    async with asyncio.timeout(90):
        while len(set(kids[-6:])) != 1 or kids[-1] == kids[0]:
            tokens = await after_next(fleet, tokens, len(kids), seen)
            kids.append(tokens.kid)

    assert set(seen) == {("refresh", 200), ("decision", 200)}
    assert len(set(kids)) == 2


async def test_no_node_takes_a_compromised_key_once_the_command_has_ended(fleet: Fleet) -> None:
    """Waits for all workers to say that they refuse it, and five seconds for the next key to sign."""
    tokens = signed_in(fleet)
    stolen = tokens
    assert await fleet.decisions(stolen.access) == {200}

    retiring = asyncio.create_task(asyncio.to_thread(fleet.command, "retire", stolen.kid, "--compromised"))
    meanwhile: set[int] = set()
    while not retiring.done():
        meanwhile |= await fleet.decisions(stolen.access, 3)
        await asyncio.sleep(0.2)
    told = await retiring

    assert "is refused by 3 workers" in told
    assert await fleet.decisions(stolen.access) == {401}
    assert meanwhile <= {200, 401}
    for turn in range(2):
        seen: Counter[object] = Counter()
        async with asyncio.timeout(60):
            while ("refresh", 200) not in seen:
                tokens = await after_next(fleet, tokens, turn, seen)
        assert tokens.kid != stolen.kid
        assert ("decision", 401) not in seen
