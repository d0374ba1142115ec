"""Questions at fixed times, one after the other, as of somebody who is signed in."""

import socket
import time
from typing import Final

_RECEIVE: Final = 65_536


def wait_until(then: float) -> None:
    """then: of time.perf_counter()."""
    time.sleep(max(0.0, then - time.perf_counter()))


def timed_us(server: socket.socket, request: bytes, expected: bytes) -> float:
    """expected: how the answer must begin."""
    sent = time.perf_counter()
    server.sendall(request)
    if not server.recv(_RECEIVE).startswith(expected):
        raise SystemExit("bench: somebody who is signed in, or a PING, was refused")
    return (time.perf_counter() - sent) * 1e6


def p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]
