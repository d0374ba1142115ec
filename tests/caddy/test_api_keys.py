"""API keys, and passwords of an app's own, as programs bring them through Caddy: curl by all its ways, and git."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.caddy.front import HOST, Front
from tests.caddy.git_host import GitHost, basic
from tests.conftest import KEYS_AT, OWN_AT
from tests.journeys.test_token_endings import bastion
from tests.staging import Stage
from tests.tools import lacks

MADE_UP = "bst_" + "A" * 97
LARGE = 2_000_000  # bytes; above 1 MiB git sends a body in chunks


def make_key(stage: Stage, name: str) -> str:
    arguments = ("--name", name, "--scope", "files", "--host", HOST)
    return bastion(stage, "api-key", "create", "ada", *arguments).strip()


def end_key(stage: Stage, name: str) -> None:
    (found,) = [row["id"] for row in json.loads(bastion(stage, "api-key", "list", "--json")) if row["name"] == name]
    bastion(stage, "api-key", "revoke", found)


@pytest.fixture(scope="module")
def key(running_stage: Stage) -> str:
    return make_key(running_stage, "laptop")


@dataclass(frozen=True)
class Got:
    """What curl shows."""

    status: int
    head: str
    body: str

    @property
    def app_saw(self) -> Any:
        """What the app of the demo echoes."""
        assert self.status == 200, self
        return json.loads(self.body)


def curl(stage: Stage, *options: str, path: str = f"{KEYS_AT}/a", stdin: str = "") -> Got:
    if shutil.which("curl") is None:
        lacks("a program that brings an API key", "curl")
    argv = ["curl", "-sS", "-i", "--cacert", str(stage.summary["ca_file"]), *options, stage.app + path]
    ran = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    rest = ran.stdout
    while True:  # one after another: 100 Continue, or a challenge that curl answered
        head, _, rest = rest.replace("\r\n", "\n").partition("\n\n")
        if not rest.startswith("HTTP/"):
            return Got(int(head.split()[1]), head.lower(), rest)


@pytest.mark.parametrize("way", ["basic", "challenged", "x-api-key", "bearer"])
def test_curl_comes_in_by_a_key_that_the_app_never_sees(stage: Stage, key: str, way: str) -> None:
    options = {
        "basic": ("-u", f"ada:{key}"),
        "challenged": ("--anyauth", "-u", f"whoever:{key}"),
        "x-api-key": ("-H", f"X-Api-Key: {key}"),
        "bearer": ("-H", f"Authorization: Bearer {key}"),
    }[way]

    got = curl(stage, *options)

    assert got.app_saw["headers"]["remote-user"] == ["ada"]
    assert not {"authorization", "x-api-key"} & {*got.app_saw["headers"]}
    assert key not in got.body


def test_a_program_without_a_key_is_asked_for_one(stage: Stage) -> None:
    asked = curl(stage)
    browser = curl(stage, "-H", "Sec-Fetch-Site: same-origin", "-H", "Sec-Fetch-Mode: cors")

    assert (asked.status, browser.status) == (401, 401)
    assert "www-authenticate: basic " in asked.head
    assert "www-authenticate: basic " not in browser.head, "a person would see the browser's box"


def test_a_key_that_has_ended_or_is_made_up_opens_nothing(stage: Stage) -> None:
    key = make_key(stage, "lost")
    before = curl(stage, "-u", f"ada:{key}").status
    end_key(stage, "lost")

    for text in (key, MADE_UP):
        assert curl(stage, "-u", f"ada:{text}").status == 401
        assert curl(stage, "-H", f"X-Api-Key: {text}").status == 401
    assert before == 200


def test_another_sites_page_can_not_use_the_app_password_of_a_browser(stage: Stage, key: str) -> None:
    """X6: it would be sent by itself."""
    foreign = ("-H", "Origin: https://evil.example", "-H", "Sec-Fetch-Site: cross-site", "-H", "Sec-Fetch-Mode: cors")

    assert curl(stage, "-u", f"ada:{key}", "-d", "x=1").status == 200
    assert curl(stage, "-u", f"ada:{key}", "-d", "x=1", *foreign).status == 403


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("PROPFIND", ("-H", "Depth: 1")),
        ("REPORT", ("-H", "Depth: 1", "-d", "<x/>")),
        ("MKCOL", ()),
        ("PUT", ("-T", "-")),
        ("MOVE", ("-H", f"Destination: {KEYS_AT}/b", "-H", "Overwrite: T")),
        ("DELETE", ()),
    ],
)
def test_the_methods_of_dav_reach_the_app(stage: Stage, key: str, method: str, more: tuple[str, ...]) -> None:
    """Files, calendars and contacts. PUT comes in chunks, as of a client that does not know the length."""
    got = curl(stage, "-u", f"ada:{key}", "-X", method, *more, stdin="hello" if method == "PUT" else "")

    assert got.app_saw["method"] == method
    assert got.app_saw["headers"]["remote-user"] == ["ada"]
    assert got.app_saw["body"] == {"PUT": "hello", "REPORT": "<x/>"}.get(method, "")


@dataclass(frozen=True)
class Git:
    """A person's git. key: given when git is asked for a password, and not before."""

    url: str
    home: Path
    ca_file: str

    def run(self, *arguments: str | Path, key: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        helper = '!f() { test "$1" = get && echo "username=ada" && echo "password=$APP_PASSWORD"; }; f'
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSL_CAINFO": self.ca_file,
            "APP_PASSWORD": key,
        }
        argv = ["git", "-c", f"credential.helper={helper}", "-c", "user.name=Ada", "-c", "user.email=a@b.c", *arguments]
        return subprocess.run(
            argv, cwd=cwd or self.home, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def must(self, *arguments: str | Path, key: str, cwd: Path | None = None) -> str:
        ran = self.run(*arguments, key=key, cwd=cwd)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture
def host(tmp_path: Path) -> GitHost:
    if shutil.which("git") is None or not _has_backend():
        lacks("an app that hosts repositories", "git")
    host = GitHost(tmp_path / "repositories", KEYS_AT)
    host.add("notes.git")
    return host


@pytest.fixture
def git(host: GitHost, front: Front, tmp_path: Path, short_directory: Path) -> Iterator[Git]:
    socket = short_directory / f"git{tmp_path.name[-8:]}.sock"
    with host.serving(socket):
        front.start(front.right().replace(front.app, f"unix/{socket}"))
        yield Git(f"https://{HOST}:{front.port}{KEYS_AT}/notes.git", tmp_path, front.ca_file)


def _has_backend() -> bool:
    where = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, timeout=60, check=True)
    return (Path(where.stdout.strip()) / "git-http-backend").exists()


def test_git_clones_and_pushes_with_an_app_password(key: str, git: Git, host: GitHost) -> None:
    large = os.urandom(LARGE)
    git.must("clone", "-q", git.url, "one", key=key)
    one = git.home / "one"
    (one / "large").write_bytes(large)
    git.must("add", "large", key="", cwd=one)
    git.must("commit", "-q", "-m", "Add it", key="", cwd=one)
    git.must("push", "-q", "origin", "HEAD:main", key=key, cwd=one)
    git.must("clone", "-q", "-b", "main", git.url, "two", key=key)

    assert (git.home / "two" / "large").read_bytes() == large
    assert {seen.get("remote-user") for seen in host.reached} == {"ada"}
    assert any(seen.get("transfer-encoding") == "chunked" for seen in host.reached)
    assert not any("authorization" in seen or key in str(seen) for seen in host.reached)


def test_git_is_refused_with_a_made_up_app_password(git: Git, host: GitHost) -> None:
    refused = git.run("ls-remote", git.url, key=MADE_UP)

    assert refused.returncode != 0
    assert "Authentication failed" in refused.stderr
    assert not host.reached


def test_curl_comes_in_with_the_apps_own_password_as_nobody(stage: Stage, key: str) -> None:
    own = curl(stage, "--anyauth", "-u", "ada:of-the-app", path=f"{OWN_AT}/a")
    asked = curl(stage, path=f"{OWN_AT}/a")

    assert own.app_saw["headers"]["authorization"] == [basic("ada", "of-the-app")]
    assert own.app_saw["headers"].get("remote-user", [""]) == [""]
    assert "www-authenticate: basic " in asked.head
    assert curl(stage, "-u", "ada:of-the-app", path="/a").status == 401
    assert curl(stage, "-H", f"Authorization: Bearer {key}", path=f"{OWN_AT}/a").status == 401


def test_git_clones_and_pushes_with_a_password_that_the_app_checks(git: Git, host: GitHost) -> None:
    host.prefix, host.own = OWN_AT, ("ada", "of-the-app")
    url = git.url.replace(KEYS_AT, OWN_AT)
    git.must("clone", "-q", url, "one", key="of-the-app")
    one = git.home / "one"
    git.must("commit", "-q", "--allow-empty", "-m", "Add it", key="", cwd=one)
    git.must("push", "-q", "origin", "HEAD:main", key="of-the-app", cwd=one)

    assert "Add it" in git.must("log", "origin/main", key="", cwd=one)
    assert {seen.get("remote-user", "") for seen in host.reached} == {""}
    assert all("authorization" in seen for seen in host.reached), "Bastion asked for it, not the app"


def test_the_app_refuses_a_password_that_is_not_its_own(git: Git, host: GitHost) -> None:
    host.prefix, host.own = OWN_AT, ("ada", "of-the-app")

    refused = git.run("ls-remote", git.url.replace(KEYS_AT, OWN_AT), key="guessed")

    assert refused.returncode != 0
    assert "Authentication failed" in refused.stderr
    assert host.reached
