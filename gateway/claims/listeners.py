"""Whether an address can be listened on, found out without touching what is there."""

import errno
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.claims.binding import bind_error
from gateway.claims.holders import holder_of_port, holder_of_socket
from gateway.claims.patience import ENDING_S, still_in_use
from gateway.core.errors import GatewayError

_TRY_S: Final = 1.0


class ListenersInUse(GatewayError):
    """One line for each listener that can't be had."""


def require_free(addresses: Sequence[str]) -> None:
    """Raises ListenersInUse. Who is ending just now is waited for, but not for long."""
    troubles = still_in_use(lambda: "\n".join(filter(None, map(trouble_at, addresses))), ENDING_S)
    if troubles:
        raise ListenersInUse(troubles)


def trouble_at(address: str) -> str:
    """Why nobody can listen there now; "" where one can. address: as in server.web_listen."""
    if address.startswith("unix:"):
        return _trouble_at_path(address, address.removeprefix("unix:"))
    host, _colon, port = address.rpartition(":")
    return _trouble_at_port(address, host.strip("[]"), int(port))


def _trouble_at_path(address: str, path: str) -> str:
    """A socket that refuses is dead: its server is gone, and nobody will ever listen on that file again."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{address}: {error.strerror}"
    if not stat.S_ISSOCK(mode):
        return f"{address}: another file is there; remove it or name another listener"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_TRY_S)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return ""
        except PermissionError:
            return f"{address} belongs to another account; end its server, or remove the file if there is none"
        except OSError:  # a server that takes no more connections at the moment
            pass
    return f"{address} is served by {holder_of_socket(path)}; end it or name other listeners"


def _trouble_at_port(address: str, host: str, port: int) -> str:
    error = bind_error(host, port)
    if error is None:
        return ""
    if error.errno == errno.EADDRINUSE:
        return f"{address} is in use by {holder_of_port(port)}; end it or name other listeners"
    return f"{address} can't be listened on: {error.strerror}"
