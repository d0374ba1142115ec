"""`bastion caddy lint` as an operator runs it."""

import json
import subprocess
from pathlib import Path

import pytest

from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.embedded import Binaries, adapt_file
from tests.caddy.caddyfiles import APP, HOST, WRAPPED, site, written
from tests.zygote import bastion as run


def bastion(
    directory: Path, *arguments: str, stdin: str = "", command: str = "lint", setting: str = "identity: sent"
) -> "subprocess.CompletedProcess[str]":
    """setting: of the app."""
    (directory / "policies").mkdir(exist_ok=True)
    app = f"{{hosts: {HOST}, allow: authenticated, {setting}}}"
    (directory / "policies" / "app.yaml").write_text(f"apps: {{app: {app}}}\n")
    config = directory / "config.yaml"
    config.write_text(
        f"profile: dev\npublic_url: https://auth.example.com\npolicy: {{directory: {directory}/policies}}\n"
    )
    return run("caddy", command, *arguments, "--dev", "--config", config, stdin=stdin, cwd=directory)


def test_the_command_fails_for_errors_only(tmp_path: Path) -> None:
    right, wrong = written(tmp_path, WRAPPED), tmp_path / "wrong"
    wrong.write_text(right.read_text() + f"{HOST}:444 {{\n\t{APP}\n}}\n")

    passed, failed = bastion(tmp_path, str(right)), bastion(tmp_path, str(wrong))

    assert (passed.returncode, passed.stdout) == (
        0,
        f"{right}: 0 errors, 0 warnings, 0 notes; 1 hosts of policy and auth.example.com\n",
    ), passed.stderr
    assert failed.returncode == 1
    assert "wrong: 1 error, " in failed.stdout


@pytest.mark.parametrize("piped", [False, True])
def test_what_is_adapted_already_is_judged_alike(tmp_path: Path, binaries: Binaries, piped: bool) -> None:
    text = adapt_file(binaries, written(tmp_path, site("respond /x text")))
    (tmp_path / "adapted.json").write_text(text)

    done = bastion(tmp_path, "-", stdin=text) if piped else bastion(tmp_path, "adapted.json")

    assert done.returncode == 1
    assert done.stdout.startswith(f"error: {HOST}: respond 200 for path /x stands beside the wrapper")


def test_a_caddyfile_may_be_piped(tmp_path: Path) -> None:
    text = written(tmp_path, site("respond /x text")).read_text()

    done = bastion(tmp_path, "-", stdin=text)

    assert done.returncode == 1
    assert done.stdout.startswith("<stdin>:")


@pytest.mark.parametrize(
    ("text", "said"),
    [("nonsense {", "caddy adapt refuses it"), ('{"apps": []}', "apps is no object"), (None, "No such file")],
)
def test_what_is_no_caddyfile_is_said_to_be_none(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "odd").write_text(text)

    done = bastion(tmp_path, "odd")

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_caddy_that_is_named_is_used(tmp_path: Path) -> None:
    other = tmp_path / "other-caddy"
    other.write_text("#!/bin/sh\necho 'Error: not today' >&2\nexit 1\n")
    other.chmod(0o755)

    done = bastion(tmp_path, str(written(tmp_path, WRAPPED)), "--caddy", str(other))

    assert (done.returncode, "not today" in done.stderr) == (1, True)


def test_another_way_to_the_listeners_is_no_edit(tmp_path: Path) -> None:
    file = written(tmp_path, WRAPPED, snippet=snippet_text(Snippet("unix//mnt/d.sock", "10.0.0.1:1")))

    assert bastion(tmp_path, str(file)).returncode == 1
    done = bastion(tmp_path, str(file), "--decision", "unix:/mnt/d.sock", "--web", "10.0.0.1:1")
    assert done.returncode == 0, done.stdout


def test_adapted_json_of_any_shape_ends_in_words(tmp_path: Path) -> None:
    shapes: tuple[object, ...] = (
        {"apps": {"http": {"servers": {"s": {"routes": [1]}}}}},
        {"apps": {"http": {"servers": 1}}},
    )
    for broken in shapes:
        (tmp_path / "odd.json").write_text(json.dumps(broken))

        done = bastion(tmp_path, "odd.json")

        assert done.returncode == 1
        assert "is no object" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_snippet_hands_assertions_on_where_policy_sends_them(tmp_path: Path) -> None:
    line = "request_header X-Bastion-Assertion {rp.header.X-Bastion-Assertion}"
    without = bastion(tmp_path, command="snippet").stdout
    printed = bastion(tmp_path, command="snippet", setting="assertion: true").stdout
    old, new = tmp_path / "old", tmp_path / "new"
    for directory, text in ((old, without), (new, printed)):
        directory.mkdir()
        written(directory, WRAPPED, snippet=text)

    missed = bastion(tmp_path, str(old / "Caddyfile"), setting="assertion: true")
    passed = bastion(tmp_path, str(new / "Caddyfile"), setting="assertion: true")

    assert (line in without, line in printed) == (False, True)
    assert (missed.returncode, passed.returncode) == (1, 0), passed.stdout
    assert " lacks request_header X-Bastion-Assertion" in missed.stdout
