"""`bastion caddy check` as an operator runs it."""

import json
import os
import subprocess
from typing import Any

import pytest

from tests.caddy.front import HOST, Front
from tests.staging import Stage
from tests.zygote import bastion


def command(stage: Stage, *arguments: str) -> "subprocess.CompletedProcess[str]":
    config = ["--config", str(stage.demo.directory / "config.yaml"), "--dev"]
    stores = ("BASTION_DATABASE_URL", "BASTION_REDIS_URL", "BASTION_CONFIG")
    environment = {name: value for name, value in os.environ.items() if name not in stores}
    return bastion("caddy", "check", *arguments, *config, env=environment)


def test_the_demo_passes(stage: Stage) -> None:
    caddyfile = stage.demo.directory / "caddy" / "Caddyfile"

    done = command(stage, stage.app, "--ca", str(stage.summary["ca_file"]), "--caddyfile", str(caddyfile))

    assert done.returncode == 0, done.stdout
    assert " 0 failed, 0 warnings\n" in done.stdout
    assert "ok       identity    Remote~User" in done.stdout


def test_machines_get_one_document(stage: Stage) -> None:
    done = command(stage, stage.app, "--ca", str(stage.summary["ca_file"]), "--json", "--path", "/once/more")

    told: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, told["passed"], told["url"]) == (0, True, stage.app)
    assert {probe["outcome"] for probe in told["probes"]} == {"ok"}
    expected = {"group": "path", "probe": "/once/more", "outcome": "ok", "status": 401, "asked": 1, "why": ""}
    assert expected in told["probes"]


WRONG = {
    "no host of policy": ("https://other.localhost:8443", [], 2, "is not a host of policy"),
    "no URL": ("app.localhost", [], 2, "expected a URL such as https://app.example.com"),
    "no port": (f"https://{HOST}:1", [], 1, "Connection refused"),
    "no figures": ("{app}", ["--ops", "127.0.0.1:1"], 1, "127.0.0.1:1 does not answer"),
    "no listener": ("{app}", ["--direct", "app"], 2, "expected HOST:PORT"),
    "no authority": ("{app}", [], 1, "CERTIFICATE_VERIFY_FAILED"),
}


@pytest.mark.parametrize(("url", "more", "status", "said"), WRONG.values(), ids=list(WRONG))
def test_what_can_not_be_checked_is_said(stage: Stage, url: str, more: list[str], status: int, said: str) -> None:
    done = command(stage, url.format(app=stage.app), *more)

    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_ends_in_status_one_and_is_shown(stage: Stage, front: Front) -> None:
    front.start(front.right().replace("X-Bastion-Upgrade {http.request.header.Upgrade}", 'X-Bastion-Upgrade ""'))

    done = command(stage, stage.app, "--connect", f"127.0.0.1:{front.port}", "--ca", front.ca_file, "--json")

    told: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, told["passed"]) == (1, False)
    assert {probe["group"] for probe in told["probes"] if probe["outcome"] == "failed"} == {"upgrade"}
