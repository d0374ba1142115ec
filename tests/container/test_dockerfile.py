"""The Dockerfile names only what exists, and the image that it describes can do as little as possible."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from gateway.config.fields import all_keys
from gateway.config.model import Config
from tests.container.commands import understands
from tests.container.dockerfile import ROOT, BadDockerfile, Stage, parse

BUILD, FINAL = parse((ROOT / "Dockerfile").read_text())
PIP = "/opt/bastion/bin/pip"


def commands(stage: Stage) -> list[str]:
    return [command for step in stage.of("RUN") for command in step.words]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RUN true",
        "FROM python",
        "FROM python:latest",
        "FROM python:3.13\nADD . /",
        "FROM python:3.13\nCOPY --from=nobody /a /b",
        "FROM python:3.13\nCOPY --form=build /a /b",
        "FROM python:3.13\nCMD bastion serve",
        'FROM python:3.13\nCMD ["bastion", 1]',
        "FROM python:3.13\nENV A",
        "FROM python:3.13\nHEALTHCHECK CMD bastion health",
        "FROM python:3.13\nHEALTHCHECK NONE",
        "FROM python:3.13\nRUN true \\",
        "FROM python:3.13\nrun true",
    ],
)
def test_what_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(BadDockerfile, match="line"):
        parse(text)


def test_lines_that_go_on_and_comments_between_them_are_one_instruction() -> None:
    (stage,) = parse("# a\nFROM a:1 AS b\nRUN one \\\n# no\n && two\n\nENV A=1 \\\n    B='2 3'\n")

    assert (stage.image, stage.name) == ("a:1", "b")
    assert stage.one("RUN").words == ("one", "two")
    assert stage.environment == {"A": "1", "B": "2 3"}


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_what_is_copied_is_in_the_tree_and_reaches_the_build() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    sources = {source for step in BUILD.of("COPY") for source in step.words[:-1]}

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == sources
    for source in sources:
        assert any(name == source or name.startswith(f"{source}/") for name in tracked), source
    assert not any(fnmatch(secret, source) for source in sources for secret in ("secrets", "config.yaml", ".venv"))


def test_the_image_takes_nothing_from_the_build_but_the_environment() -> None:
    copied = FINAL.one("COPY")

    assert (copied.flags["from"], copied.words) == (BUILD.name, ("/opt/bastion", "/opt/bastion"))
    assert not any("pip" in command or "apt" in command for command in commands(FINAL))
    assert BUILD.image == FINAL.image


def test_packages_come_as_wheels_with_the_hashes_of_the_lock() -> None:
    installs = [command for command in commands(BUILD) if f"{PIP} install" in command]
    locked, own = installs

    assert {"--require-hashes", "--only-binary=:all:", "-r", "requirements-compile.lock"} <= set(locked.split())
    assert {"--no-index", "--no-deps", "--no-build-isolation", "."} <= set(own.split())
    copied = [step.words[:-1] for step in BUILD.of("COPY")]
    assert copied[0] == ("requirements-compile.lock",), "so that a change of the program leaves the packages cached"


def test_what_only_the_demo_and_the_build_need_stays_behind() -> None:
    installed, to_run = locked("requirements-compile.lock"), locked("requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    embedded = {re.split(r"[<>=]", one)[0] for one in project["optional-dependencies"]["embedded"]}

    removed = {
        word
        for command in commands(BUILD)
        if command.startswith(f"{PIP} uninstall -y ")
        for word in command.split()[3:]
    }

    assert not embedded & installed.keys()
    assert removed == (installed.keys() - to_run.keys()) | {"setuptools", "pip"}
    assert {name: to_run[name] for name in to_run.keys() & installed.keys()} == {
        name: installed[name] for name in to_run.keys() & installed.keys()
    }, "that the image runs what the tests ran"


def test_the_decision_path_is_compiled() -> None:
    instructions = [step.instruction for step in BUILD.steps]

    assert BUILD.environment == {"BASTION_COMPILE": "1", "BASTION_COMMIT": ""}
    assert instructions.index("ENV") < len(instructions) - 1, "before the package is built"
    assert "BASTION_COMPILE" not in FINAL.environment


def test_the_image_runs_as_an_account_without_a_login_that_owns_two_directories() -> None:
    added = next(command.split() for command in commands(FINAL) if command.startswith("useradd"))
    grouped = next(command.split() for command in commands(FINAL) if command.startswith("groupadd"))
    name = FINAL.one("USER").words[0]
    own = {command.split()[-1] for command in commands(FINAL) if command.startswith(f"install -d -o {name} -g {name} ")}

    assert added[-1] == grouped[-1] == name
    assert added[added.index("--uid") + 1] == grouped[grouped.index("--gid") + 1] == "10001"
    assert added[added.index("--gid") + 1] == name
    assert added[added.index("--shell") + 1] == "/usr/sbin/nologin"
    assert own == set(FINAL.one("VOLUME").words)
    assert [step.instruction for step in FINAL.steps].index("USER") > max(
        index for index, step in enumerate(FINAL.steps) if step.instruction in ("RUN", "COPY")
    )


def test_what_the_program_writes_lies_in_the_volumes() -> None:
    environment, volumes = FINAL.environment, FINAL.one("VOLUME").words
    server = Config.model_fields["server"].get_default(call_default_factory=True)
    sockets = [listen for listen in (server.web_listen, server.decision_listen) if listen.startswith("unix:")]

    assert {name for name in environment if name.startswith("BASTION_")} <= {key.environment for key in all_keys()}
    assert environment["BASTION_DATA_DIR"] in volumes
    assert len(sockets) == 2
    assert {str(Path(socket.removeprefix("unix:")).parent) for socket in sockets} <= set(volumes)
    assert f"install -d {environment['BASTION_POLICY_DIRECTORY']}" in commands(FINAL)
    assert environment["PATH"].split(":")[0] == "/opt/bastion/bin"


def test_the_image_serves_and_is_asked_for_its_health_by_commands_that_exist() -> None:
    entry, serve = FINAL.one("ENTRYPOINT").words, FINAL.one("CMD").words
    health = FINAL.one("HEALTHCHECK")

    assert (entry, serve, health.words) == (("bastion",), ("serve",), ("CMD", "bastion", "health"))
    assert understands([*entry, *serve])
    assert understands(health.words[1:])
    assert not understands(["bastion", "helth"])
    assert not understands(["bastion", "health", "--redy"])
