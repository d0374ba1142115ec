"""Owns how each server is set up, started, found ready and ended."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.embedded.binaries import (
    Binaries,
    ServerFailed,
    caddy_binary,
    home_of,
    postgres_binaries,
    reachable_copy,
    valkey_binary,
)
from gateway.embedded.children import Account, Children
from gateway.scheduling import wait_for_free_cores

_START_WITHIN_S: Final = 30.0
_LOG_TAIL: Final = 2000
_READY_LINE: Final = 7  # of postmaster.pid, counted from 0
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(slots=True)
class EmbeddedPostgres:
    """One server on a unix socket that only our account may enter. durable: False trades safety for speed in tests."""

    directory: Path
    children: Children
    binaries: Binaries = field(default_factory=Binaries)
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        return home_of(self.directory) / "postgres"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def url(self, database: str = "postgres", role: str = "postgres") -> str:
        """role: of a new server only the superuser's is there; nobody needs a password."""
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self.home), safe='')}"

    def start(self) -> None:
        """Make the cluster where there is none, start, wait until it answers. Raises ServerFailed."""
        account = Account.for_servers()
        binaries = postgres_binaries(self.binaries, home_of(self.directory))
        _own_directory(self.home, account)
        data = self.home / "data"
        log = self.directory / "postgres.log"
        if not (data / "PG_VERSION").exists():
            self._make_cluster(binaries, data, account, log)
        argv: list[str | Path] = [binaries / "postgres", "-D", data, "-k", self.home, *self._options()]
        for _attempt in range(20):
            self.process = self.children.spawn(argv, log=log, account=account, env=_ENVIRONMENT)
            if _wait(self.process, lambda: _postgres_ready(data, self.pid)):
                return
            time.sleep(0.5)  # after kill -9 the old server's children hold its memory for a moment
        raise _failed("Postgres", log)

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back."""
        if self.process is not None:
            self.children.end(self.process, signal.SIGINT)
            self.process = None

    def kill(self) -> None:
        """As a crash would: nothing is flushed."""
        if self.process is not None:
            self.children.end(self.process, signal.SIGKILL)
            self.process = None

    def _options(self) -> Iterator[str]:
        fixed = {"listen_addresses": "", "shared_buffers": "32MB", "timezone": "UTC", "log_min_messages": "warning"}
        fast = {} if self.durable else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        for name, setting in (fixed | fast | dict(self.settings)).items():
            yield from ("-c", f"{name}={setting}")

    def _make_cluster(self, binaries: Path, data: Path, account: Account, log: Path) -> None:
        """In a directory beside, renamed when whole: a killed initdb leaves nothing that looks like a cluster."""
        unfinished = data.with_name("data.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        argv: list[str | Path] = [
            binaries / "initdb",
            "-D",
            unfinished,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
        ]
        process = self.children.spawn([*argv, "--no-sync"], log=log, account=account, env=_ENVIRONMENT)
        self.children.end(process, None)
        if process.returncode != 0:
            raise _failed("initdb", log)
        unfinished.rename(data)


@dataclass(slots=True)
class EmbeddedValkey:
    """One server on a unix socket, and on 127.0.0.1 where port is not 0. extra: more command line options."""

    directory: Path
    children: Children
    binaries: Binaries = field(default_factory=Binaries)
    port: int = 0
    extra: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        return home_of(self.directory) / "valkey"

    @property
    def socket(self) -> Path:
        return self.home / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start empty or from the last saved file, and wait until it answers. Raises ServerFailed."""
        account = Account.for_servers()
        binary = reachable_copy(valkey_binary(self.binaries), home_of(self.directory))
        _own_directory(self.home, account)
        log = self.directory / "valkey.log"
        argv: list[str | Path] = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket]
        argv += ["--unixsocketperm", "700", "--dir", self.home, "--save", "", "--loglevel", "warning", *self.extra]
        self.process = self.children.spawn(argv, log=log, account=account, env=_ENVIRONMENT)
        with suppress(OSError):
            wait_for_free_cores(self.process.pid)
        if not _wait(self.process, lambda: _answers_ping(self.socket)):
            raise _failed("Valkey", log)

    def stop(self) -> None:
        if self.process is not None:
            self.children.end(self.process, signal.SIGTERM)
            self.process = None

    def kill(self) -> None:
        """As a crash would: what was not saved is lost."""
        if self.process is not None:
            self.children.end(self.process, signal.SIGKILL)
            self.process = None


@dataclass(slots=True)
class EmbeddedCaddy:
    """Caddy with a Caddyfile of ours and its internal certificate authority in our directory."""

    directory: Path
    children: Children
    binaries: Binaries = field(default_factory=Binaries)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def ca_file(self) -> Path:
        """The root certificate that clients have to trust; there after start."""
        return self.directory / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, caddyfile: str, *, hosts: Sequence[str] = (), https_port: int = 443) -> None:
        """Wait until each host shows its certificate: the port listens before they are issued. Raises ServerFailed."""
        home = self.directory / "caddy"
        home.mkdir(parents=True, exist_ok=True)
        written = home / "Caddyfile"
        written.write_text(caddyfile)
        log = self.directory / "caddy.log"
        argv: list[str | Path] = [caddy_binary(self.binaries), "run", "--config", written, "--adapter", "caddyfile"]
        environment = {"XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home), "HOME": str(home), **_ENVIRONMENT}
        for _attempt in range(2):  # a certificate that could not be issued at first is tried again after a minute only
            self.process = self.children.spawn(argv, log=log, env=environment)
            if _wait(self.process, lambda: all(self._shakes_hands(host, https_port) for host in hosts)):
                return
            if self.process.returncode != -signal.SIGKILL:  # it has ended by itself
                break
        # `run` is silent about a Caddyfile that it cannot read; `validate` is not.
        argv[1] = "validate"
        self.children.end(self.children.spawn(argv, log=log, env=environment), None)
        raise _failed("Caddy", log)

    def stop(self) -> None:
        if self.process is not None:
            self.children.end(self.process, signal.SIGTERM)
            self.process = None

    def _shakes_hands(self, host: str, port: int) -> bool:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            with socket.create_connection(("127.0.0.1", port), 1) as plain:
                context.wrap_socket(plain, server_hostname=host).close()
        except (OSError, ssl.SSLError):
            return False
        return True


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> bool:
    """Poll until ready; False as soon as the process has ended, or after half a minute (then it is killed)."""
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if ready():
            return True
        time.sleep(0.01)
    process.kill()
    process.wait()
    return False


def _postgres_ready(data: Path, pid: int) -> bool:
    """The file of a server that was killed stays, and says ready: so it must name this one's pid."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE].strip() == "ready"


def _answers_ping(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _failed(what: str, log: Path) -> ServerFailed:
    tail = log.read_text(errors="replace")[-_LOG_TAIL:] if log.exists() else ""
    hint = ""
    if "could not look up effective user ID" in tail:
        hint = " (this user id has no passwd entry: add one, or set BASTION_DATABASE_URL to a server of yours)"
    return ServerFailed(f"{what} did not start{hint}; end of {log}:\n{tail}")


def _own_directory(path: Path, account: Account) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.getuid() == 0:
        os.chown(path, account.uid, account.gid)
