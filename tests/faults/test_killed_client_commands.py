"""The command that disables a client dies at each of its messages, and the operator repeats it.

Whatever the killed one has left: when the second has answered, nothing of the client works, and enabling it brings
nothing back.
"""

import asyncio
import json
from dataclasses import dataclass
from functools import partial

import asyncpg
import pytest

from gateway.stores.postgres.clients import ClientRows
from tests.exhaustive import EXHAUSTIVE
from tests.faults.conftest import Relayed
from tests.faults.kills import MOST, Kills, settled_on
from tests.faults.test_killed_token_requests import answered
from tests.journeys.apps import address, decide, exchanged, question
from tests.journeys.test_registered_clients import read_by_workers, wait_for
from tests.journeys.test_token_endings import bastion, refreshed
from tests.staging import Seen, Stage, Visitor, forget_limits

STEP = 1 if EXHAUSTIVE else 61  # odd; of some 120 messages
SIGKILLED = -9
OVER = {(400, "invalid_grant"), (401, "invalid_client")}  # the latter where the worker has read the client's state


@dataclass(frozen=True)
class Held:
    """What a client has when it is disabled: tokens, and a code that it has not exchanged yet."""

    client: str
    access_token: str
    refresh_token: str
    code: str


@pytest.fixture
def stage(relayed: Relayed) -> Stage:
    return relayed.stage


@pytest.fixture
def kills(relayed: Relayed) -> Kills:
    return Kills(relayed)


def name_of(moment: int) -> str:
    return f"killed-{moment}"


def register_all(stage: Stage) -> None:
    """One for each kill, and once, because workers look every two seconds."""
    settings = json.dumps(
        {
            "name": "Killed",
            "type": "spa",
            "redirect_uris": stage.summary["redirect_uri"],
            "scopes": ["openid", "notes.read", "offline_access"],
            "resources": stage.summary["api_url"],
        }
    )

    async def add() -> None:
        connection = await asyncpg.connect(stage.postgres.url("relayed"))
        async with connection.transaction():
            for moment in range(0, MOST, STEP):
                assert await ClientRows(connection).add(name_of(moment), settings, None, 1)
        await connection.close()

    before = read_by_workers(stage)
    asyncio.run(add())
    wait_for(stage, before + 2)


def enable_all(stage: Stage) -> None:
    async def enable() -> None:
        connection = await asyncpg.connect(stage.postgres.url("relayed"))
        await connection.execute("UPDATE clients SET state = 'active', version = version + 1")
        await connection.close()

    before = read_by_workers(stage)
    asyncio.run(enable())
    wait_for(stage, before + 2)


def new_code(stage: Stage, person: Visitor, client: str, scope: str) -> str:
    forget_limits(stage)
    seen = person.visit(address(stage, client_id=client, scope=scope))
    if 'id="consent-allow"' in seen.text:
        seen = decide(person, seen, "allow")
    assert seen.url.startswith(str(stage.summary["redirect_uri"]) + "?"), seen.url
    return seen.url.partition("code=")[2].partition("&")[0]


def held_by(stage: Stage, person: Visitor, moment: int) -> Held:
    """Of every other client the tokens outlive the login."""
    client = name_of(moment)
    scope = "openid notes.read" + (" offline_access" if moment % 2 else "")
    seen = exchanged(stage, new_code(stage, person, client, scope), client_id=client)
    assert seen.status == 200, seen.text
    tokens = seen.json()
    held = Held(client, tokens["access_token"], tokens["refresh_token"], new_code(stage, person, client, scope))
    assert settled_on(stage, question(stage, held.access_token)) == {200}
    return held


def assert_over(stage: Stage, held: Held) -> None:
    assert settled_on(stage, question(stage, held.access_token)) == {401}, held.client
    asks: list[partial[Seen]] = [
        partial(refreshed, stage, held.refresh_token, held.client),
        partial(exchanged, stage, held.code, client_id=held.client),
    ]
    for ask in asks:
        seen = answered(stage, ask)
        assert (seen.status, seen.json()["error"]) in OVER, held.client


def test_a_disabling_that_was_repeated_lets_nobody_in(stage: Stage, kills: Kills) -> None:
    """Nor does enabling the client afterwards. Takes half a minute: each kill is a command of its own."""
    register_all(stage)
    person, config = stage.signed_in(), str(stage.demo.directory / "config.yaml")
    everything = list[Held]()
    for moment in kills.moments(STEP):
        everything.append(held_by(stage, person, moment))

        returned = kills.of_command(moment, "client", "disable", name_of(moment), "--config", config)
        assert returned == (SIGKILLED if kills.relayed.reaper.killed else 0)
        if returned:
            bastion(stage, "client", "disable", name_of(moment))

        assert_over(stage, everything[-1])
    enable_all(stage)
    for held in everything:
        assert_over(stage, held)
    assert len(kills.at) >= 3
