"""Owns the life of a demo: starts everything in order, tells how to reach it, ends everything.

However this process ends, nothing it started goes on: see gateway.embedded.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from time import sleep
from typing import Final

from gateway.claims import Directories, demo_port
from gateway.config.tools import DemoServers
from gateway.core.caddy.caddyfile import DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.units import DAY_S
from gateway.demo.commands import Commands, DemoFailed
from gateway.demo.setting import (
    API_HOST,
    APP2_HOST,
    APP_HOST,
    AUTH_HOST,
    CALLBACK,
    CLIENT,
    CONSOLE_OWNER,
    USER,
    Setting,
    write_private,
)
from gateway.embedded import Children, EmbeddedCaddy, EmbeddedPostgres, EmbeddedValkey
from gateway.stores.postgres.roles import OWNER, SERVING, Roles, set_up

_ENDS: Final = (signal.SIGINT, signal.SIGTERM)


class _Ended(BaseException):
    """SIGINT or SIGTERM; raised wherever the start or the wait is."""


def run_demo(directory: Path, port: int, servers: DemoServers) -> None:
    """Returns after SIGINT or SIGTERM, when everything has ended. Raises PortInUse, DemoFailed and ServerFailed."""
    _raise_at_the_end()
    with suppress(_Ended), demo_port(port), ExitStack() as stack:
        _take(directory)
        setting = Setting.prepare(directory, port)
        setting.summary_file.unlink(missing_ok=True)  # of a demo that was killed
        children = Children()
        stack.callback(children.close)
        demo = _Demo(setting, servers, children, stack)
        demo.start()
        write_private(setting.summary_file, json.dumps(demo.summary(), indent=2) + "\n")
        stack.callback(setting.summary_file.unlink, missing_ok=True)
        print(_welcome(setting), flush=True)
        while True:
            sleep(DAY_S)


class _Demo:
    """Everything that runs. What starts later ends earlier."""

    def __init__(self, setting: Setting, servers: DemoServers, children: Children, stack: ExitStack) -> None:
        self._setting = setting
        self._servers = servers
        self._children = children
        self._stack = stack
        self._pids: dict[str, int] = {"demo": os.getpid()}
        self._caddy = EmbeddedCaddy(setting.directory, children, servers.binaries)
        self._commands = Commands(setting, self._environment())
        self._database_url = servers.database_url
        self._owner_url = servers.owner_url
        self._redis_url = servers.redis_url

    def start(self) -> None:
        """The first time it takes a while, so each step is told when it begins."""
        self._start_app()
        self._start_stores()
        self._setting.write_config(self._database_url, self._redis_url, self._owner_url)
        _tell("the schema of the database, and the user")
        self._prepare_database()
        _tell("Bastion, and Caddy with its certificates")
        gateway = self._running("bastion", self._commands.serve(self._children))
        hosts = [AUTH_HOST, APP_HOST, APP2_HOST, API_HOST]
        self._caddy.start(demo_caddyfile(self._site()), hosts=hosts, https_port=self._setting.port)
        self._stack.callback(self._caddy.stop)
        self._pids["caddy"] = self._caddy.pid
        self._commands.await_ready(gateway)

    def summary(self) -> dict[str, object]:
        """What tests and scripts read; its keys are fixed."""
        setting = self._setting
        return {
            "app_url": setting.url(APP_HOST),
            "app2_url": setting.url(APP2_HOST),
            "api_url": setting.url(API_HOST),
            "auth_url": setting.url(AUTH_HOST),
            "issuer": setting.url(AUTH_HOST),
            "client_id": CLIENT,
            "redirect_uri": setting.url(APP_HOST) + CALLBACK,
            "user": USER,
            "password": setting.password,
            "admin_url": setting.url(AUTH_HOST) + "/admin",
            "admin_user": CONSOLE_OWNER,
            "admin_password": setting.owner_password,
            "admin_totp_secret": setting.owner_totp,
            "ca_file": str(self._caddy.ca_file),
            "decision_socket": str(setting.socket("decision")),
            "database_url": self._database_url,
            "redis_url": self._redis_url,
            "pids": self._pids,
        }

    def _start_app(self) -> None:
        argv = [sys.executable, "-m", "gateway.demo.legacy_app", str(self._setting.socket("app"))]
        log = self._setting.log("app")
        self._running("app", self._children.spawn(argv, log=log, env=self._environment()))

    def _start_stores(self) -> None:
        directory, children, binaries = self._setting.directory, self._children, self._servers.binaries
        if not self._database_url:
            _tell("Postgres")
            postgres = EmbeddedPostgres(directory, children, binaries)
            postgres.start()
            self._stack.callback(postgres.stop)
            self._pids["postgres"] = postgres.pid
            asyncio.run(set_up(postgres.url(), Roles()))
            self._database_url, self._owner_url = postgres.url(role=SERVING), postgres.url(role=OWNER)
        if not self._redis_url:
            _tell("Valkey")
            valkey = EmbeddedValkey(directory, children, binaries)
            valkey.start()
            self._stack.callback(valkey.stop)
            self._pids["valkey"] = valkey.pid
            self._redis_url = valkey.url

    def _prepare_database(self) -> None:
        """Through the commands that an operator would use."""
        run = self._commands.run
        run("migrate")
        run("user", "add", USER, "--name", "Ada Lovelace", "--email", "ada@example.org", "--group", "staff",
            "--password-stdin", "--if-absent", stdin=self._setting.password)  # fmt: skip
        self._commands.seed()

    def _running(self, name: str, process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
        self._stack.callback(self._children.end, process, signal.SIGTERM)
        self._pids[name] = process.pid
        return process

    def _environment(self) -> dict[str, str]:
        """The URLs stand in the configuration file already."""
        stores = ("BASTION_DATABASE_URL", "BASTION_DATABASE_OWNER_URL", "BASTION_REDIS_URL", "BASTION_CONFIG")
        return {name: value for name, value in self._servers.environment.items() if name not in stores}

    def _site(self) -> DemoSite:
        web, app = (f"unix/{self._setting.socket(name)}" for name in ("web", "app"))
        decision = f"unix:{self._setting.socket('decision')}"
        return DemoSite(
            auth_host=AUTH_HOST,
            https_port=self._setting.port,
            web=web,
            snippet=self._commands.run("caddy", "snippet", "--decision", decision),
            sites=tuple(ProtectedSite(host, app) for host in (APP_HOST, APP2_HOST, API_HOST)),
        )


def _tell(step: str) -> None:
    print(f"starting: {step}", flush=True)


def _raise_at_the_end() -> None:
    """Set by hand, because a process that a script started with & inherits SIGINT as ignored."""

    def end(_number: int, _frame: object) -> None:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        raise _Ended

    for number in _ENDS:
        signal.signal(number, end)


def _take(directory: Path) -> None:
    """The lock lasts as long as this process. Raises DemoFailed."""
    try:
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        holder = Directories().take(directory)
    except OSError as error:
        raise DemoFailed(f"{directory} can't be used: {error.strerror}; name another --directory") from error
    if holder:
        raise DemoFailed(f"another demo runs in {directory} ({holder}); end it, or name another --directory")


def _welcome(setting: Setting) -> str:
    rows = {
        "protected app": setting.url(APP_HOST),
        "second app": f"{setting.url(APP2_HOST)}   (no second login)",
        "an API": f"{setting.url(API_HOST)}   (for access tokens of the client {CLIENT})",
        "your sessions": f"{setting.url(AUTH_HOST)}/account",
        "user": USER,
        "password": setting.password,
        "console": f"{setting.url(AUTH_HOST)}/admin   (user {CONSOLE_OWNER}, see demo.json)",
        "forgot it?": f"{setting.url(AUTH_HOST)}/forgot   (mail is written to {setting.directory}/mail)",
        "policy": f"{setting.directory}/policies   (loaded again when it changes)",
        "for scripts": str(setting.summary_file),
    }
    width = max(map(len, rows))
    lines = [f"  {name:<{width}}  {value}" for name, value in rows.items()]
    note = "The certificates are of an authority made here: let the browser pass, or trust ca_file of demo.json."
    return "\n".join(["Bastion is ready.", "", *lines, "", note, "Ctrl-C ends everything."])
