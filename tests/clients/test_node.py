"""oauth4webapi 3 and openid-client 6 as they are, through Caddy."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.declared import KEYS, pem
from tests.staging import Stage
from tests.tools import lacks

HERE = Path(__file__).parent / "node"
INSTALL = ("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")


@pytest.fixture(scope="session")
def node_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            lacks("a client library of JavaScript", tool)
    directory = tmp_path_factory.mktemp("node") / "clients"
    shutil.copytree(HERE, directory)
    done = subprocess.run(INSTALL, cwd=directory, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


@pytest.mark.parametrize("script", ["oauth4webapi.mjs", "openid-client.mjs"])
@pytest.mark.parametrize(
    ("client", "alg"), [("library", "ES256"), ("library", "Ed25519"), ("library-fapi2", "Ed25519")]
)
def test_a_web_app_with_dpop(
    stage: Stage, person: Callable[[str], str], node_directory: Path, script: str, client: str, alg: str
) -> None:
    """Both write Ed25519 where others write EdDSA (RFC 9864)."""
    key = "EdDSA" if alg == "Ed25519" else alg
    told = {
        "issuer": stage.auth,
        "api": stage.app,
        "redirect_uri": stage.summary["redirect_uri"],
        "client": client,
        "alg": alg,
        "id_token_alg": "ES256",
        "key": pem(key),
        "kid": KEYS[key].kid,
    }

    assert run(node_directory, script, told, stage, person) == {
        "user": "ada",
        "type": "dpop",
        "changed": True,
        "before": True,
        "bound": True,
        "after": False,
        "status": 200,
    }


def run(directory: Path, script: str, told: dict[str, str], stage: Stage, person: Callable[[str], str]) -> Any:
    """What the script found; on its way it sends the person to addresses."""
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(stage.summary["ca_file"])}
    argv = ["node", script, json.dumps(told)]
    with subprocess.Popen(
        argv,
        cwd=directory,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            said = json.loads(line)
            if "visit" not in said:
                return said
            process.stdin.write(json.dumps(person(said["visit"])) + "\n")
            process.stdin.flush()
        pytest.fail(process.stderr.read())
