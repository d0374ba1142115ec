"""Bastion behind a real Caddy, with hosts of one registrable domain and of another, and an app with its own sessions.

`*.localhost` will not do: for a browser, each of those is a site of its own, so nothing there has siblings.
"""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.core.caddy.caddyfile import DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.caddy.snippet import Snippet
from gateway.embedded import Binaries, Children, EmbeddedCaddy, free_port
from gateway.probe import NoAnswer, probe
from tests.browser.legacy import LegacyApp

AUTH: Final = "auth.bastion.test"
ONE: Final = "one.bastion.test"
TWO: Final = "two.bastion.test"
SIBLING: Final = "sibling.bastion.test"  # of the same site, and not protected
STRANGER: Final = "www.stranger.test"  # of another site
PASSWORDS: Final = {"ada": "correct horse battery", "eve": "staple battery horse"}
_CONFIG: Final = """\
public_url: https://{auth}:{port}
profile: dev
data_dir: {directory}/data
server:
  web_listen: unix:{directory}/web.sock
  decision_listen: unix:{directory}/decision.sock
  ops_listen: unix:{directory}/ops.sock
  workers: 1
database:
  url: "{database_url}"
redis:
  url: "{redis_url}"
policy:
  directory: {directory}/policies
  watch: false
audit:
  checkpoint_dir: {directory}/checkpoints
secrets: {secrets}
"""
_POLICY: Final = f"""\
defaults: {{limits: none, headers: off}}
apps:
  one:
    hosts: {ONE}
    allow: authenticated
    app_cookies: [{{name: till_session, path: /till/session}}]
    routes:
      open: {{paths: /open/**, allow: anyone}}
      bank: {{paths: /bank/**, cache: none}}
      fresh: {{paths: /fresh/**, require: {{authenticated_within: 10s}}}}
      files: {{paths: /files/**, cache: shared}}
  two: {{hosts: {TWO}, allow: authenticated}}
"""


@dataclass
class House:
    """directory: short enough for sockets."""

    directory: Path
    port: int
    app: LegacyApp
    caddy: EmbeddedCaddy
    gateway: "subprocess.Popen[bytes]"

    def url(self, host: str, path: str = "/") -> str:
        return f"https://{host}:{self.port}{path}"

    def logged(self, host: str) -> str:
        """The access log of the host, as Caddy writes it."""
        return (self.directory / f"{host}.log").read_text()

    @property
    def trusted(self) -> str:
        """What Chromium calls the key of the authority that signs for Caddy's hosts."""
        certificate = x509.load_pem_x509_certificate(self.caddy.ca_file.with_name("intermediate.crt").read_bytes())
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    def close(self, children: Children) -> None:
        self.caddy.stop()
        children.end(self.gateway, signal.SIGTERM)
        self.app.close()


def build(directory: Path, urls: tuple[str, str], children: Children, binaries: Binaries) -> House:
    """urls: of an empty database, and of Redis."""
    for name in ("policies", "data", "checkpoints"):
        (directory / name).mkdir(parents=True)
    (directory / "policies" / "house.yaml").write_text(_POLICY)
    port = free_port()
    config = directory / "config.yaml"
    config.write_text(
        _CONFIG.format(
            auth=AUTH, port=port, directory=directory, database_url=urls[0], redis_url=urls[1], secrets=_secrets()
        )
    )
    _command(config, "migrate")
    for name, password in PASSWORDS.items():
        _command(config, "user", "add", name, "--name", name.title(), "--password-stdin", stdin=password)
    serve = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    gateway = children.spawn(serve, log=directory / "gateway.log", env=os.environ)
    caddy = EmbeddedCaddy(directory, children, binaries)
    caddy.start(_caddyfile(directory, port), hosts=[AUTH, ONE, TWO, SIBLING, STRANGER], https_port=port)
    _await_ready(directory)
    app = LegacyApp(directory / "app.sock")  # a thread: after the processes
    return House(directory, port, app, caddy, gateway)


def _secrets() -> str:
    def key() -> str:
        return Fernet.generate_key().decode()

    return json.dumps({"master_keys": [key()], "root_key": key(), "index_key": key(), "peppers": {"p1": key()}})


def _command(config: Path, *arguments: str, stdin: str = "") -> None:
    argv = [sys.executable, "-m", "gateway", *arguments, "--config", str(config)]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _caddyfile(directory: Path, port: int) -> str:
    """Each host with an access log as an operator would have it."""
    app, web = f"unix/{directory / 'app.sock'}", f"unix/{directory / 'web.sock'}"
    snippet = Snippet(decision=f"unix/{directory / 'decision.sock'}", web=web)
    text = demo_caddyfile(DemoSite(AUTH, port, web, snippet, (ProtectedSite(ONE, app), ProtectedSite(TWO, app))))
    for host in (SIBLING, STRANGER):
        text += f"\nhttps://{host}:{port} {{\n\treverse_proxy {app}\n}}\n"
    for host in (AUTH, ONE, TWO):
        opening = f"https://{host}:{port} {{\n"
        assert text.count(opening) == 1
        text = text.replace(opening, f"{opening}\tlog {{\n\t\toutput file {directory / host}.log\n\t}}\n")
    return text


def _await_ready(directory: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            if probe(f"unix:{directory / 'ops.sock'}", "/readyz")[0] == 200:
                return
        except NoAnswer:
            pass
        time.sleep(0.05)
    raise AssertionError((directory / "gateway.log").read_text())
