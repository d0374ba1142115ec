"""A client that a command registers is one on every worker, until a command disables it: through Caddy."""

import asyncio
import json
import time

from tests.journeys.apps import address, asked_of_all_workers, call, code_for, exchanged
from tests.journeys.test_token_endings import bastion, refreshed
from tests.staging import NAVIGATION, Stage

CLIENT = "registered"


def read_by_workers(stage: Stage) -> int:
    """How often a worker has taken registered clients over. A worker looks every two seconds."""
    return (stage.demo.directory / "bastion.log").read_text().count("registered clients read")


def wait_for(stage: Stage, readings: int) -> None:
    for _ in range(600):
        if read_by_workers(stage) >= readings:
            return
        time.sleep(0.1)
    raise AssertionError("the workers have not read the clients within a minute")


def authorize_status(stage: Stage) -> int:
    return stage.visitor().send("GET", address(stage, client_id=CLIENT), NAVIGATION).status


def test_from_its_registration_to_its_end(stage: Stage) -> None:
    settings = {
        "name": "Registered",
        "type": "spa",
        "redirect_uris": stage.summary["redirect_uri"],
        "scopes": ["openid", "notes.read"],
        "resources": stage.summary["api_url"],
    }
    file = stage.demo.directory / "registered.json"
    file.write_text(json.dumps(settings))
    assert authorize_status(stage) == 400
    before = read_by_workers(stage)

    bastion(stage, "client", "add", CLIENT, "--file", str(file))
    wait_for(stage, before + 2)
    answer = exchanged(stage, code_for(stage, stage.visitor(), client_id=CLIENT), client_id=CLIENT)
    assert answer.status == 200, answer.text
    tokens = answer.json()
    assert call(stage, tokens["access_token"]).status == 200
    assert asyncio.run(asked_of_all_workers(stage, tokens["access_token"])) == {200}
    bastion(stage, "client", "disable", CLIENT)

    assert asyncio.run(asked_of_all_workers(stage, tokens["access_token"])) == {401}
    assert call(stage, tokens["access_token"]).status == 401
    wait_for(stage, before + 4)
    assert authorize_status(stage) == 400
    bastion(stage, "client", "enable", CLIENT)
    wait_for(stage, before + 6)
    assert authorize_status(stage) == 303
    assert asyncio.run(asked_of_all_workers(stage, tokens["access_token"])) == {401}
    assert refreshed(stage, tokens["refresh_token"], CLIENT).json()["error"] == "invalid_grant"
    bastion(stage, "client", "disable", CLIENT)
