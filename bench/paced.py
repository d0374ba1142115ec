"""Questions at fixed times, one after the other, as of somebody who is signed in."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_RECEIVE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """requests: taken in turn. expected: how each answer must begin, or the benchmark ends."""

    server: socket.socket
    requests: Sequence[bytes]
    expected: bytes = b"HTTP/1.1 200"


def times_us(*each: Asked, per_s: int, seconds: int) -> list[list[float]]:
    """The times of each, which is asked per_s times a second; all of them evenly, one after the other."""
    times: list[list[float]] = [[] for _ in each]
    began = time.perf_counter()
    for at in range(seconds * per_s):
        for place, asked in enumerate(each):
            then = began + (at + place / len(each)) / per_s
            time.sleep(max(0.0, then - time.perf_counter()))
            times[place].append(_timed_us(asked, asked.requests[at % len(asked.requests)]))
    return times


def _timed_us(asked: Asked, request: bytes) -> float:
    sent = time.perf_counter()
    asked.server.sendall(request)
    if not asked.server.recv(_RECEIVE).startswith(asked.expected):
        raise SystemExit("bench: somebody who is signed in, or a PING, was refused")
    return (time.perf_counter() - sent) * 1e6
