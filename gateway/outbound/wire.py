"""Says bytes to a server as any client could, and reads one answer: for whoever has to be ruder than a library."""

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from gateway.core.errors import GatewayError

_TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 1024 * 1024
_MOST_HEADERS: Final = 400


class Unanswered(GatewayError):
    """Nobody listens, the connection ended, or what came is no HTTP; the message says which."""


@dataclass(frozen=True, slots=True)
class Response:
    """body: its first MiB."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def first(self, name: str) -> str:
        """Empty where there is none."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """address: what is dialled. name: what TLS is asked for, and has to show. trust None: plain HTTP."""

    address: str
    port: int
    name: str
    trust: ssl.SSLContext | None

    def reach(self) -> None:
        """Raises Unanswered where nobody listens, or shows no certificate that is trusted."""
        try:
            self._connect(_TIMEOUT_S).close()
        except (OSError, ValueError) as error:
            raise Unanswered(f"{self.name} at {self.address}:{self.port}: {error}") from error

    def ask(self, request: bytes, *, method: str = "GET", timeout_s: float = _TIMEOUT_S) -> Response:
        """One connection, one answer. method: whether a body is to be waited for. Raises Unanswered."""
        try:
            with self._connect(timeout_s) as channel:
                _send(channel, request)
                return _read(channel, method)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered(str(error) or type(error).__name__) from error

    def _connect(self, timeout_s: float) -> socket.socket:
        plain = socket.create_connection((self.address, self.port), timeout_s)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if self.trust is None else self.trust.wrap_socket(plain, server_hostname=self.name)


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """ca_file: an authority of one's own, in PEM; None: the system's. Raises OSError, ssl.SSLError among them."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def trusting_anybody() -> ssl.SSLContext:
    """For the question whether somebody is there at all."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _send(channel: socket.socket, request: bytes) -> None:
    """A server may answer and hang up before it has read everything; its answer is what counts."""
    try:
        channel.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        return


def _read(channel: socket.socket, method: str) -> Response:
    with http.client.HTTPResponse(channel, method=method) as answer:
        answer.begin()
        headers = tuple(answer.getheaders()[:_MOST_HEADERS])
        return Response(answer.status, headers, answer.read(_MOST_BYTES))
