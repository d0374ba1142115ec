"""The directory of Caddy's files that the head of the composition tells to make: made as it says, and judged."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from gateway.embedded import Binaries, adapt_file
from tests.cli.conftest import SECRETS
from tests.container.composition import composed_environment, mounts
from tests.container.dockerfile import ROOT
from tests.zygote import bastion as run

HEAD = (ROOT / "compose.yaml").read_text().partition("services:")[0]
COMMANDS = dict(re.findall(r"docker compose run --rm --no-deps bastion (.+) > (\S+)$", HEAD, re.MULTILINE))
POLICY = "apps:\n  app: {hosts: app.example.com, allow: authenticated}\n"


def written_in_the_documentation() -> str:
    """The Caddyfile around a site, which imports what the command of the head prints."""
    text = (ROOT / "docs" / "caddy.md").read_text().partition("## Around a site")[2]
    return text.partition("```caddyfile\n")[2].partition("```")[0]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """With policies/ and caddy/ beside the composition."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "app.yaml").write_text(POLICY)
    (tmp_path / "caddy").mkdir()
    (tmp_path / "caddy" / "Caddyfile").write_text(written_in_the_documentation())
    for command, file in COMMANDS.items():
        done = bastion(tmp_path, *command.split())
        assert done.returncode == 0, done.stderr
        (tmp_path / file).write_text(done.stdout)
    return tmp_path


def bastion(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """As the composition runs it, with policies and secrets here."""
    (directory / "secrets").mkdir(exist_ok=True)
    environment = composed_environment(directory / "secrets", SECRETS)
    environment["BASTION_POLICY_DIRECTORY"] = str(directory / "policies")
    environment |= {name: os.environ[name] for name in os.environ if not name.startswith("BASTION_")}
    return run(*words, env=environment, cwd=directory)


def test_the_caddyfile_is_where_caddy_looks_for_it_and_finds_what_it_imports(directory: Path) -> None:
    imported = re.findall(r"^import (\S+)$", written_in_the_documentation(), re.MULTILINE)

    assert mounts("caddy")["./caddy"].target == "/etc/caddy", "where its image looks for a Caddyfile"
    assert "caddy/Caddyfile " in HEAD
    assert [f"caddy/{name}" for name in imported] == list(COMMANDS.values()) == ["caddy/bastion.caddy"]
    assert {file.name for file in (directory / "caddy").iterdir()} == {"Caddyfile", "bastion.caddy"}


def test_it_passes_the_lint_and_reaches_bastion_in_a_volume_that_caddy_has(directory: Path, binaries: Binaries) -> None:
    linted = bastion(directory, "caddy", "lint", "caddy/Caddyfile")
    adapted = adapt_file(binaries, directory / "caddy" / "Caddyfile")

    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "caddy/Caddyfile: 0 errors, " in linted.stdout
    assert "; 1 hosts of policy and auth.example.com" in linted.stdout
    sockets = {Path(one) for one in re.findall(r'"dial": ?"unix/(/[^"]+)"', json.dumps(json.loads(adapted)))}
    assert {socket.name for socket in sockets} == {"decision.sock", "web.sock"}
    assert {str(socket.parent) for socket in sockets} == {mounts("caddy")["sockets"].target}
