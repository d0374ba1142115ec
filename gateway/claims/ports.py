"""The port of a demo, which Caddy by itself would share with a second one."""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.claims.binding import bind_error
from gateway.claims.holders import holder_of_port, holder_of_socket
from gateway.claims.patience import ENDING_S, still_in_use
from gateway.core.errors import GatewayError

_LOCAL: Final = "127.0.0.1"
_KINDS: Final = (socket.SOCK_STREAM, socket.SOCK_DGRAM)  # HTTP/3 is UDP


class PortInUse(GatewayError):
    """Says who has the port, and how to name another."""


@contextmanager
def demo_port(port: int) -> Iterator[None]:
    """For this demo alone during the block. Raises PortInUse.

    Caddy listens with SO_REUSEPORT, so two of them take turns at one port without a word. On Linux an abstract socket
    of the port's name, which is in nobody's way, tells demos apart from before the first one listens.
    """
    with socket.socket(socket.AF_UNIX) as mark:
        if sys.platform == "linux":
            _mark(mark, port)
        if why := still_in_use(lambda: _trouble_at(port), ENDING_S):
            raise PortInUse(f"port {port} is {why}; name another with --port")
        yield


def _mark(mark: socket.socket, port: int) -> None:
    name = f"bastion-demo/{port}"
    try:
        mark.bind(f"\0{name}")
    except OSError as error:
        holder = holder_of_socket(f"@{name}")
        raise PortInUse(f"port {port} is in use by another demo ({holder}); name another with --port") from error


def _trouble_at(port: int) -> str:
    return next(filter(None, (_trouble_of(port, kind) for kind in _KINDS)), "")


def _trouble_of(port: int, kind: socket.SocketKind) -> str:
    error = bind_error(_LOCAL, port, kind)
    if error is None:
        return ""
    return f"in use by {holder_of_port(port)}" if error.errno == errno.EADDRINUSE else f"not ours: {error.strerror}"
