"""One real Caddy in front of the doubles, and a client that says exactly what a test wants said."""

import contextlib
import http.client
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.core.caddy.caddyfile import DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.embedded import Binaries, Children, EmbeddedCaddy, ServerFailed, free_port
from tests.caddy.doubles import SOCKETS, Doubles, Pairs
from tests.identities import BOTH

APP: Final = "app.localhost"
RAW: Final = "raw.localhost"
AUTH: Final = "auth.localhost"
TOKEN_CHARACTERS: Final = "!#$%&'*+-.^_`|~"  # RFC 9110 section 5.6.2, letters and digits apart
_WITHIN_S: Final = 10


@dataclass(frozen=True, slots=True)
class Got:
    """What the client got."""

    status: int
    headers: Pairs
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    def has(self, pairs: Pairs) -> bool:
        return all(value in self.all(name) for name, value in pairs)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a module wants its Caddy. sites: more of the Caddyfile; `<port>`, `<app>`, `<files>` are filled in."""

    snippet: Snippet = field(default_factory=lambda: Snippet(identity=BOTH))
    sites: str = ""
    hosts: tuple[str, ...] = ()
    servers: str = ""


class Rig:
    """port: of everything. files: a directory that Caddy may serve."""

    def __init__(self, directory: Path, wish: Wish, children: Children, binaries: Binaries) -> None:
        self.files = directory / "files"
        self.files.mkdir(parents=True)
        self.doubles = Doubles(directory)
        self._caddy = EmbeddedCaddy(directory, children, binaries)
        try:
            self._start(wish)
        except ServerFailed:  # somebody took the port that was free just now
            self._start(wish)

    def close(self) -> None:
        self._caddy.stop()
        self.doubles.close()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._caddy.ca_file)

    def connect(self, host: str, *protocols: str) -> ssl.SSLSocket:
        """protocols: for ALPN."""
        context = self.trust()
        if protocols:
            context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", self.port), _WITHIN_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname=host)

    def fetch(
        self, host: str, target: str = "/", *headers: tuple[str, str], method: str = "GET", body: bytes | None = None
    ) -> Got:
        """HTTP/1.1, and no header but Host and Content-Length unless named."""
        connection = http.client.HTTPConnection(host, self.port)
        connection.sock = self.connect(host)
        with contextlib.closing(connection):
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None and not any(name.lower() == "transfer-encoding" for name, _ in headers):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Got(answer.status, answer.getheaders(), answer.read())

    def say(self, host: str, request: bytes) -> bytes:
        """Raw bytes there, and all that comes back.

        The end is that Caddy closes, or half a second of silence after its first word.
        """
        with self.connect(host) as channel:
            channel.sendall(request)
            received = b""
            with contextlib.suppress(TimeoutError):
                while chunk := channel.recv(65_536):
                    received += chunk
                    channel.settimeout(0.5)
            return received

    def _start(self, wish: Wish) -> None:
        self.port = free_port()
        hosts = [AUTH, APP, RAW, *wish.hosts]
        self._caddy.start(self._caddyfile(wish), hosts=hosts, https_port=self.port)

    def _caddyfile(self, wish: Wish) -> str:
        upstream = {name: f"unix/{self.doubles.path(f'{name}.sock')}" for name in SOCKETS}
        snippet = Snippet(
            decision=upstream["decision"],
            web=upstream["web"],
            identity=wish.snippet.identity,
            header_sets=wish.snippet.header_sets,
            console=upstream["console"],
            console_from=("127.0.0.0/8",),
        )
        sites = (ProtectedSite(APP, upstream["app"]), ProtectedSite(RAW, upstream["raw"]))
        text = demo_caddyfile(DemoSite(AUTH, self.port, upstream["web"], snippet_text(snippet), sites))
        more = wish.sites.replace("<port>", str(self.port)).replace("<app>", upstream["app"])
        return text.replace("0rtt off", f"0rtt off\n{wish.servers}") + more.replace("<files>", str(self.files))
