"""Owns the question to a server's operations listener, for health checks and for who waits until it is ready."""

import http.client
import socket
from typing import Final

from gateway.core.errors import GatewayError

_TIMEOUT_S: Final = 3.0
_OK: Final = 200
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}  # noqa: S104 -- asked, not bound


class NoAnswer(GatewayError):
    """Nobody listens, or what listens speaks no HTTP."""


def probe(listen: str, path: str) -> tuple[int, str]:
    """Status and body. listen: as in server.ops_listen. Raises NoAnswer."""
    connection = _Connection(listen)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{listen} does not answer: {error}") from error
    finally:
        connection.close()


def is_ready(listen: str) -> bool:
    """Whether a server answers there, and should get requests."""
    try:
        return probe(listen, "/readyz")[0] == _OK
    except NoAnswer:
        return False


class _Connection(http.client.HTTPConnection):
    """To a unix socket or a port."""

    def __init__(self, listen: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._listen = listen

    def connect(self) -> None:
        if self._listen.startswith("unix:"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(_TIMEOUT_S)
            self.sock.connect(self._listen.removeprefix("unix:"))
            return
        host, _colon, port = self._listen.rpartition(":")
        self.sock = socket.create_connection((_EVERYWHERE.get(host, host.strip("[]")), int(port)), _TIMEOUT_S)
