"""`bastion health`: what a container's health check calls."""

import http.client
import json
import socket
from typing import Final

import click

from gateway.cli._options import with_config
from gateway.config import Config
from gateway.core.errors import GatewayError

_TIMEOUT_S: Final = 3.0
_OK: Final = 200


class Unhealthy(GatewayError):
    """The server does not answer, or says that it cannot do its work."""


class _Connection(http.client.HTTPConnection):
    """To the ops listener, wherever it is."""

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
        everywhere = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}  # noqa: S104 -- what it is asked for, not bound to
        self.sock = socket.create_connection((everywhere.get(host, host.strip("[]")), int(port)), _TIMEOUT_S)


@click.command()
@click.option("--ready", is_flag=True, help="Ask whether it can do its work, not only whether it lives.")
@with_config
def health(config: Config, *, ready: bool) -> None:
    """Exit with 0 if the server on this machine answers, else with 1."""
    connection = _Connection(config.server.ops_listen)
    try:
        connection.request("GET", "/readyz" if ready else "/healthz")
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unhealthy(f"{config.server.ops_listen} does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != _OK:
        raise Unhealthy(f"{config.server.ops_listen} says {answer.status}: {body}")
    click.echo(json.dumps(json.loads(body)))
