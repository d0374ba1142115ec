"""A whole Bastion with people, sessions and policy, one real Caddy, and the apps behind it."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.core.caddy.caddyfile import DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.header_sets import most_used
from gateway.core.policy.site import Site
from gateway.demo.commands import Commands
from gateway.demo.setting import AUTH_HOST, Setting
from gateway.embedded import Binaries, Children, EmbeddedCaddy
from tests.hostile.backends.launch import Making, NotHere, argv_of
from tests.hostile.people import EVE, PEOPLE, ROOT, Person
from tests.hostile.policy import BACKENDS, PRODUCTS, TUNNEL, lax, policy_text
from tests.staging import Visitor

_ROOT: Final = Path(__file__).parents[2]
_WITHIN_S: Final = 60
_PATIENCE: Final = {"BASTION_REDIS_TIMEOUT_MS": "2500"}  # on a slow machine a decision is late, not unavailable


@dataclass
class Ground:
    """database_url, owner_url, redis_url: empty stores of this ground's own, as far as others don't look.

    missing: backend -> the tool that this machine lacks for it.
    """

    directory: Path
    children: Children
    binaries: Binaries
    database_url: str
    owner_url: str
    redis_url: str
    visitors: dict[str, Visitor] = field(default_factory=dict)
    running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        # Held from here on, because Caddy comes last and others look for ports too; it lets Caddy share it.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port = int(self._held.getsockname()[1])
        (self.directory / "policies").mkdir(parents=True)
        (self.directory / "policies" / "policy.yaml").write_text(policy_text())
        self._setting = Setting.prepare(self.directory, self.port)
        self._setting.write_config(self.database_url, self.redis_url, self.owner_url)
        makings: dict[str, Making] = {}
        for backend in BACKENDS:
            try:
                makings[backend] = Making(backend, self.directory)
            except NotHere as missing:
                self.missing[backend] = missing.tool
        self._start_bastion()
        for backend, making in makings.items():
            making.wait()
            self._start_backend(backend)
        self._start_caddy()
        for backend in BACKENDS:
            if backend not in self.missing:
                self.cookie(EVE, f"{backend}.localhost")
                self.cookie(ROOT, lax(backend))

    def close(self) -> None:
        self._caddy.stop()
        for process in reversed(self.running):
            self.children.end(process, signal.SIGTERM)
        self._held.close()

    @property
    def ca_file(self) -> str:
        return str(self._caddy.ca_file)

    @property
    def auth(self) -> str:
        return self._setting.url(AUTH_HOST)

    @property
    def password(self) -> str:
        """Of everybody."""
        return self._setting.password

    def url(self, host: str) -> str:
        return self._setting.url(host)

    def path(self, name: str) -> Path:
        """Of a socket."""
        return self._setting.home / f"{name}.sock"

    def told(self, backend: str) -> Path:
        """What the app has been told, a line for each request."""
        return self.directory / f"{backend}.told"

    def cookie(self, person: Person, host: str) -> str:
        """Of a session on the host, opened when it is first asked for; "" for nobody."""
        if not person.name:
            return ""
        if person.name not in self.visitors:
            self.visitors[person.name] = Visitor(self.ca_file)
        visitor = self.visitors[person.name]
        if "__Host-bastion" not in visitor.jar.get(host, {}):
            seen = visitor.visit(self.url(host) + "/")
            if seen.url.startswith(self.auth):
                seen = visitor.log_in(seen, person.name, self._setting.password)
            assert "__Host-bastion" in visitor.jar.get(host, {}), seen
        return f"__Host-bastion={visitor.jar[host]['__Host-bastion']}"

    def _start_bastion(self) -> None:
        commands = Commands(self._setting, {**_environment(), **_PATIENCE, "PYTHONPATH": str(_ROOT)})
        commands.run("migrate")
        for person in PEOPLE:
            groups = [word for group in person.groups for word in ("--group", group)]
            commands.run("user", "add", person.name, "--name", person.shown, "--email", person.email, *groups,
                         "--password-stdin", stdin=self._setting.password)  # fmt: skip
        self.running.append(commands.serve(self.children))
        commands.await_ready(self.running[-1])

    def _start_backend(self, name: str) -> None:
        path, told = self.path(name), self.told(name)
        told.touch()
        self._spawn(name, argv_of(name, self.directory, path, told), path.exists)

    @property
    def sites(self) -> tuple[ProtectedSite, ...]:
        hosts = {host: name for name in BACKENDS for host in (f"{name}.localhost", lax(name))}
        hosts |= {f"{product}.localhost": "aiohttp" for product in PRODUCTS} | {TUNNEL: "tunnel"}
        return tuple(ProtectedSite(host, f"unix/{self.path(name)}") for host, name in hosts.items())

    def _start_caddy(self) -> None:
        web, decision = (f"unix/{self.path(name)}" for name in ("web", "decision"))
        enforced = compile_policy({"policy.yaml": policy_text()}, Site.of(self.auth))
        sets = most_used(route.header_set for route in enforced.routes)  # the first few go the short way
        text = snippet_text(Snippet(decision=decision, web=web, header_sets=sets))
        self._caddy = EmbeddedCaddy(self.directory, self.children, self.binaries)
        self._caddy.start(
            demo_caddyfile(DemoSite(AUTH_HOST, self.port, web, text, self.sites)),
            hosts=[AUTH_HOST, *(site.host for site in self.sites)],
            https_port=self.port,
        )

    def _spawn(self, name: str, argv: list[str], ready: Callable[[], bool]) -> None:
        log = self.directory / f"{name}.log"
        env = {**_environment(), **_PATIENCE, "PYTHONPATH": str(_ROOT), "TOLD_LOG": str(self.told(name))}
        process = self.children.spawn(argv, log=log, env=env)
        self.running.append(process)
        deadline = time.monotonic() + _WITHIN_S
        while not ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)


def _environment() -> dict[str, str]:
    """The stores' addresses stand in the configuration file."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BASTION_")}


def lines_of(told: Path, offset: int) -> tuple[list[dict[str, object]], int]:
    """What was written since offset, in whole lines, and where it ends."""
    with told.open("rb") as file:
        file.seek(offset)
        written = file.read()
    whole = written[: written.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], offset + len(whole)
