"""`bastion caddy check` against a real Caddy and a real Bastion: right sites pass, and what is broken is named."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.caddy.caddyfile import DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.caddy.matchers import sample_paths
from gateway.core.caddy.probes import Ground, Marks
from gateway.core.caddy.snippet import Snippet
from gateway.core.caddy.strangers import Strangers
from gateway.core.caddy.verdicts import Outcome
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.embedded import Binaries, Children, EmbeddedCaddy, free_port
from gateway.flows.caddy_check import Check, Operations, Row
from gateway.flows.caddy_lint import read_caddyfile
from gateway.stores.files.policies import read_sources
from gateway.wire import Endpoint, trusting
from tests.staging import Stage

HOST = "app.localhost"
AUTH = "auth.localhost"
MARKS = Marks("checkmark", "forgedword")


class Front:
    """A second Caddy before the stage's Bastion and app, with a Caddyfile that a test has spoilt."""

    def __init__(self, stage: Stage, directory: Path, children: Children, binaries: Binaries) -> None:
        self.port = free_port()
        self._stage = stage
        self._sockets = Path(stage.decision_socket).parent
        self._caddy = EmbeddedCaddy(directory, children, binaries)

    @property
    def app(self) -> str:
        return f"unix/{self._sockets / 'app.sock'}"

    def right(self) -> str:
        web, decision = (f"unix/{self._sockets / f'{name}.sock'}" for name in ("web", "decision"))
        sites = (ProtectedSite(HOST, self.app),)
        return demo_caddyfile(DemoSite(AUTH, self.port, web, Snippet(decision, web), sites))

    @property
    def ca_file(self) -> str:
        return str(self._caddy.ca_file)

    def start(self, caddyfile: str, host: str = HOST) -> None:
        self._caddy.start(caddyfile, hosts=[host], https_port=self.port)

    def stop(self) -> None:
        self._caddy.stop()

    def check(self, *direct: tuple[str, int], paths: tuple[str, ...] = (), host: str = HOST) -> Check:
        policy = compile_policy(read_sources(self._stage.demo.directory / "policies"), Site.of(self._stage.auth))
        return Check(
            Ground(Strangers(policy, host, 1_790_000_000), f"{host}:{self.port}", MARKS, paths),
            Endpoint("127.0.0.1", self.port, host, trusting(str(self._caddy.ca_file))),
            None,
            Operations((f"unix:{self._sockets / 'ops.sock'}",)),
            direct,
        )


@pytest.fixture
def front(
    stage: Stage, tmp_path: Path, short_directory: Path, children: Children, binaries: Binaries
) -> Iterator[Front]:
    directory = short_directory / tmp_path.name[-20:]
    directory.mkdir()
    front = Front(stage, directory, children, binaries)
    yield front
    front.stop()


def failures(check: Check) -> list[Row]:
    return [row for row in check.rows() if row.verdict.outcome is Outcome.FAILED]


def names(rows: list[Row]) -> set[str]:
    return {f"{row.group}: {row.name}" for row in rows}


def command(stage: Stage, *arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "gateway", "caddy", "check", *arguments]
    config = ["--config", str(stage.demo.directory / "config.yaml"), "--dev"]
    stores = ("BASTION_DATABASE_URL", "BASTION_REDIS_URL", "BASTION_CONFIG")
    environment = {name: value for name, value in os.environ.items() if name not in stores}
    return subprocess.run([*argv, *config], capture_output=True, text=True, check=False, env=environment, timeout=100)


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


def test_a_right_site_passes(front: Front) -> None:
    front.start(front.right())

    assert failures(front.check(paths=("/more",))) == []


def test_a_handle_beside_the_wrapper_is_found(front: Front) -> None:
    site = f"https://{HOST}:{front.port} {{\n"
    front.start(front.right().replace(site, f"{site}handle /api/* {{\nreverse_proxy {front.app}\n}}\n"))

    found = failures(front.check())

    assert names(found) == {"path: /api/..."}
    assert found[0].verdict.why == "answered 200, and Bastion was not asked"


def test_a_handle_that_only_its_caddyfile_knows_is_found(front: Front, tmp_path: Path, binaries: Binaries) -> None:
    site = f"https://{HOST}:{front.port} {{\n"
    text = front.right().replace(site, f"{site}handle /hook/* {{\nreverse_proxy {front.app}\n}}\n")
    front.start(text)
    (tmp_path / "Caddyfile").write_text(text)
    paths = sample_paths(read_caddyfile(tmp_path / "Caddyfile", binaries).adapted, HOST, MARKS.path)

    assert paths == ("/hook/checkmark",)
    assert names(failures(front.check())) == set()
    assert names(failures(front.check(paths=paths))) == {"path: /hook/..."}


def test_a_site_without_the_snippet_is_found(front: Front) -> None:
    text = front.right()
    begin = text.index(f"https://{HOST}:{front.port} {{")
    front.start(f"{text[:begin]}https://{HOST}:{front.port} {{\nreverse_proxy {front.app}\n}}\n")

    found = names(failures(front.check()))

    assert {"path: /...", "identity: Remote-User", "echo: X-Auth-Request-User at /public/..."} <= found
    assert {"upgrade: Upgrade: h2c", "connection: Connection: cookie", "bastion: /.bastion/logout"} <= found


def test_an_app_behind_handle_errors_is_found(front: Front) -> None:
    """Where Bastion can't be reached from this Caddy."""
    errors = f"https://{HOST}:{front.port} {{\nhandle_errors {{\nreverse_proxy {front.app}\n}}\n"
    text = front.right().replace("decision.sock", "nobody.sock")
    front.start(text.replace(f"https://{HOST}:{front.port} {{\n", errors))

    found = {f"{row.group}: {row.name}": row for row in failures(front.check())}

    assert found["path: /..."].verdict.why == "answered 200, and Bastion was not asked"
    assert {"spelling: /.../", "body: GET ... with a question inside, chunked"} <= found.keys()


OLD = {
    "upgrade": ("respond @bastion_upgrade 400\n", "", "upgrade: Upgrade: h2c"),
    "connection": ("respond @bastion_connection 400\n", "", "connection: Connection: close, Remote-User"),
    "tildes": ("request_header -*~*\n", "", "echo: X~Auth~Request~User at /public/..."),
    "address": ("request_header -X-Real-Ip\n", "", "echo: X-Real-Ip at /public/..."),
    "uri": ("X-Forwarded-Uri {http.request.orig_uri}", "X-Forwarded-Uri /public/x", "path: /..."),
    "capital": ("status 200", "status 2xx 4xx", "path: /..."),
}


@pytest.mark.parametrize(("was", "became", "named"), OLD.values(), ids=list(OLD))
def test_an_old_snippet_is_found(front: Front, was: str, became: str, named: str) -> None:
    text = front.right()
    assert was in text
    front.start(text.replace(was, became))

    assert named in names(failures(front.check()))


def test_a_missing_upgrade_rule_fails_nothing_else(front: Front) -> None:
    front.start(front.right().replace("respond @bastion_upgrade 400\n", ""))

    found = failures(front.check())

    assert {row.group for row in found} == {"upgrade"}
    assert all("expected 400, got 401: the snippet is an old one" in row.verdict.why for row in found)


def test_paths_of_bastion_that_go_elsewhere_are_found(front: Front) -> None:
    site = f"https://{HOST}:{front.port} {{\n"
    front.start(front.right().replace(site, f"{site}handle /.bastion/* {{\nreverse_proxy {front.app}\n}}\n"))

    found = names(failures(front.check()))

    assert {"bastion: /.bastion/callback", "bastion: /.bastion/..."} <= found
    assert all(name.startswith("bastion: ") for name in found)


def test_an_app_for_unknown_hosts_is_found(front: Front) -> None:
    front.start(front.right().replace("\trespond 421\n", f"\treverse_proxy {front.app}\n"))

    found = names(failures(front.check()))

    assert {"host: Host: unknown", "host: another in the request line"} <= found


def test_an_empty_answer_for_unknown_hosts_is_a_warning(front: Front) -> None:
    front.start(front.right().replace("\trespond 421\n", ""))

    rows = [row for row in front.check().rows() if row.verdict.outcome is not Outcome.OK]

    assert {row.name for row in rows} >= {"Host: unknown"}
    assert {row.verdict.outcome for row in rows} == {Outcome.WARNING}


def test_an_app_that_answers_past_caddy_is_found(front: Front) -> None:
    """With TLS or without; a closed port is what is wanted, and a server that does not speak HTTP is no app."""
    front.start(
        front.right() + f"http://{HOST}:{(plain := free_port())} {{\nbind 127.0.0.1\nreverse_proxy {front.app}\n}}\n"
    )
    with mute() as silent, closing(socket.create_server(("127.0.0.1", 0))) as unused:
        closed = int(unused.getsockname()[1])
        unused.close()
        check = front.check(*(("127.0.0.1", port) for port in (plain, front.port, closed, silent)))

        rows = {row.name: row for row in check.rows() if row.group == "direct"}

    outcomes = [rows[f"127.0.0.1:{port}"].verdict.outcome for port in (plain, front.port, closed, silent)]
    assert outcomes == [Outcome.FAILED, Outcome.FAILED, Outcome.OK, Outcome.OK]


@pytest.fixture
def inside(stage: Stage) -> Iterator[str]:
    """A host that only one network reaches, without a login."""
    host = "inside.localhost"
    policy = stage.demo.directory / "policies" / "inside.yaml"
    policy.write_text(
        "define: {networks: {office: 10.9.0.0/16}}\n"
        f"apps: {{inside: {{hosts: {host}, allow: {{networks: office}}, limits: none}}}}\n"
    )
    yield host
    policy.unlink()


@pytest.mark.parametrize("trusting_us", [False, True])
def test_an_address_that_the_client_may_choose_is_found(front: Front, inside: str, trusting_us: bool) -> None:
    text = front.right().replace(f"https://{HOST}:", f"https://{inside}:")
    if trusting_us:
        text = text.replace("0rtt off", "0rtt off\ntrusted_proxies static 127.0.0.0/8")
    front.start(text, inside)
    check = front.check(host=inside)
    request = f"GET / HTTP/1.1\r\nHost: {inside}\r\n\r\n".encode()
    deadline = time.monotonic() + 20
    while check.caddy.ask(request).status == 421 and time.monotonic() < deadline:
        time.sleep(0.1)  # until the new policy is enforced

    found = failures(check)

    assert [row.name for row in found] == (["X-Forwarded-For: 10.9.0.0 at /..."] if trusting_us else [])
    assert any(row.group == "address" for row in check.rows())


CLEAR = {
    "the app": ("reverse_proxy {app}", "FAILED"),
    "a redirect": ("redir https://{{host}}{{uri}}", "ok"),
    "a refusal": ("respond 403", "FAILED"),
}


@pytest.mark.parametrize(("site", "outcome"), CLEAR.values(), ids=list(CLEAR))
def test_what_answers_in_clear_has_to_redirect(front: Front, site: str, outcome: str) -> None:
    port = free_port()
    front.start(f"{front.right()}http://{HOST}:{port} {{\n{site.format(app=front.app)}\n}}\n")
    check = replace(front.check(), plain=Endpoint("127.0.0.1", port, HOST, None))

    (row,) = [row for row in check.rows() if row.group == "clear"]

    assert row.verdict.outcome.value == outcome


@contextmanager
def mute() -> Iterator[int]:
    """A port that takes connections and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            while True:
                try:
                    channel, _address = server.accept()
                except OSError:
                    return
                channel.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def others_asking(decision_socket: str) -> Iterator[None]:
    """Somebody whose requests Bastion decides all the while."""
    ended = threading.Event()
    headers = {"Uri": "/hits", "Method": "GET", "Host": HOST, "Proto": "https", "For": "198.51.100.9"}
    lines = "".join(f"X-Forwarded-{name}: {value}\r\n" for name, value in headers.items())
    question = f"GET /decide HTTP/1.1\r\nHost: {HOST}\r\nX-Request-Id: 00000000-1\r\n{lines}\r\n".encode()

    def keep_asking() -> None:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(decision_socket)
            while not ended.is_set():
                channel.sendall(question)
                assert channel.recv(65_536).startswith(b"HTTP/1.1 ")

    others = threading.Thread(target=keep_asking)
    others.start()
    try:
        yield
    finally:
        ended.set()
        others.join()


def test_a_busy_installation_is_no_failure(front: Front, stage: Stage) -> None:
    """And what is broken is found all the same."""
    front.start(front.right().replace("respond @bastion_upgrade 400\n", ""))

    with others_asking(stage.decision_socket):
        rows = list(front.check().rows())

    assert {row.group for row in rows if row.verdict.outcome is Outcome.FAILED} == {"upgrade"}
    assert any("others ask too" in row.verdict.why for row in rows)


def test_a_request_that_is_asked_about_twice_is_found(front: Front) -> None:
    """Nobody else asks, so it is this Caddy that does."""
    once = f"\t\treverse_proxy {front.app} {{\n\t\t\tstream_timeout 15m\n\t\t}}\n"
    text = front.right()
    assert once in text
    wrapper = text[text.index("(bastion)") : text.index("(bastion_auth)")]
    again = wrapper.replace("(bastion)", "(again)").replace("@bastion", "@again")
    front.start(text.replace(once, f"import again {{\n{once}}}\n").replace(wrapper, wrapper + again))

    found = failures(front.check())

    assert {row.name for row in found} >= {"/public/...", "/hits"}
    assert {row.verdict.why for row in found} == {"Bastion was asked 2 times for one request"}


WRONG = {
    "no host of policy": ("https://other.localhost:8443", [], 2, "is no host of policy"),
    "no URL": ("app.localhost", [], 2, "expected one such as https://app.example.com"),
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
    front.start(front.right().replace("respond @bastion_upgrade 400\n", ""))

    done = command(stage, stage.app, "--connect", f"127.0.0.1:{front.port}", "--ca", front.ca_file, "--json")

    told: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, told["passed"]) == (1, False)
    assert {probe["group"] for probe in told["probes"] if probe["outcome"] == "failed"} == {"upgrade"}
