"""Bastion behind a real Caddy, with hosts of one registrable domain and of another, and an app with its own sessions.

`*.localhost` will not do: for a browser, each of those is a site of its own, so nothing there has siblings.
"""

import base64
import copy
import hashlib
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.core.caddy.caddyfile import DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.demo.commands import Commands
from gateway.demo.setting import Setting
from gateway.embedded import Binaries, Children, EmbeddedCaddy, free_port
from tests.browser.legacy import LegacyApp
from tests.staging import Visitor

AUTH: Final = "auth.bastion.test"
ONE: Final = "one.bastion.test"
TWO: Final = "two.bastion.test"
SIBLING: Final = "sibling.bastion.test"  # of the same site, and not protected
STRANGER: Final = "www.stranger.test"  # of another site
NAME: Final = "Example Hospital"
_LOGO: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 40" width="400" height="40">
<style>rect { fill: #0b3d91 }</style><rect width="400" height="40"/></svg>
"""
_OTHERWISE: Final = {
    "BASTION_SERVER_WORKERS": "1",
    "BASTION_POLICY_WATCH": "false",
    "BASTION_PAGES_NAME": NAME,
    "BASTION_PAGES_LOGO": "logo.svg",
    "BASTION_PAGES_HELP_URL": "https://help.example.com/login",
    "BASTION_PAGES_CONTACT": "help@example.com",
}
PASSWORDS: Final = {"ada": "correct horse battery", "eve": "staple battery horse"}
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
      widget: {{paths: /widget/**, headers: {{extends: off, frame_ancestors: [self, "https://{STRANGER}:*"]}}}}
      hidden: {{paths: /hidden/**, allow: {{users: eve}}, respond: {{denied: 404, message: Ask the front desk.}}}}
      eves: {{paths: /widget/eves/**, allow: {{users: eve}}, headers: {{extends: off, frame_ancestors: self}}}}
  two: {{hosts: {TWO}, allow: authenticated}}
"""


@dataclass
class House:
    """directory: short enough for sockets. jars: the cookies of who has signed in by visitor()."""

    directory: Path
    port: int
    app: LegacyApp
    caddy: EmbeddedCaddy
    gateway: "subprocess.Popen[bytes]"
    jars: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)

    def url(self, host: str, path: str = "/") -> str:
        return f"https://{host}:{self.port}{path}"

    def visitor(self, who: str = "") -> Visitor:
        """With a session on the first host, unless it is nobody; with the same as before, as long as that opens it."""
        visitor = Visitor(str(self.caddy.ca_file), copy.deepcopy(self.jars.get(who, {})))
        if who:
            page = visitor.visit(self.url(ONE, "/hello"))
            if f"Hello {who}" not in page.text:
                page = visitor.log_in(page, who, PASSWORDS[who])
            assert f"Hello {who}" in page.text
            self.jars[who] = copy.deepcopy(visitor.jar)
        return visitor

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


def build(directory: Path, urls: tuple[str, str, str], children: Children, binaries: Binaries) -> House:
    """urls: of an empty database, of Redis, and of the database for its owner."""
    (directory / "policies").mkdir(parents=True)
    (directory / "policies" / "house.yaml").write_text(_POLICY)
    (directory / "logo.svg").write_text(_LOGO)
    port = free_port()
    setting = Setting.prepare(directory, port)
    setting.write_config(*urls)
    commands = Commands(setting, {**os.environ, **_OTHERWISE, "BASTION_PUBLIC_URL": f"https://{AUTH}:{port}"})
    commands.run("migrate")
    for name, password in PASSWORDS.items():
        commands.run("user", "add", name, "--name", name.title(), "--password-stdin", stdin=password)
    gateway = commands.serve(children)
    caddy = EmbeddedCaddy(directory, children, binaries)
    caddy.start(_caddyfile(directory, port), hosts=[AUTH, ONE, TWO, SIBLING, STRANGER], https_port=port)
    commands.await_ready(gateway)
    app = LegacyApp(directory / "app.sock")  # a thread: after the processes
    return House(directory, port, app, caddy, gateway)


def _caddyfile(directory: Path, port: int) -> str:
    """Each host with an access log as an operator would have it."""
    app, web = f"unix/{directory / 'app.sock'}", f"unix/{directory / 'web.sock'}"
    snippet = Snippet(decision=f"unix/{directory / 'decision.sock'}", web=web)
    text = demo_caddyfile(
        DemoSite(AUTH, port, web, snippet_text(snippet), (ProtectedSite(ONE, app), ProtectedSite(TWO, app)))
    )
    for host in (SIBLING, STRANGER):
        text += f"\nhttps://{host}:{port} {{\n\treverse_proxy {app}\n}}\n"
    for host in (AUTH, ONE, TWO):
        opening = f"https://{host}:{port} {{\n"
        assert text.count(opening) == 1
        text = text.replace(opening, f"{opening}\tlog {{\n\t\toutput file {directory / host}.log\n\t}}\n")
    return text
