"""Loads of HTTP/1.1 over unix sockets or TCP: fixed request bytes, answers counted and checked.

volley() is for the CPU of a server: it writes to all connections and then reads from all, so that a server finds as
much to do at once as there are connections, and the load itself costs little. fire() is for rates and latencies: each
connection sends its next request when the answer to the last is whole.
"""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

_RECEIVE: Final = 65_536


@dataclass(slots=True)
class Load:
    """What one run of load saw. latencies_us: one entry for each answer, in order of arrival."""

    answers: int = 0
    wrong: int = 0
    seconds: float = 0.0
    latencies_us: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds

    def percentile_us(self, share: float) -> float:
        return percentile(self.latencies_us, share)


def percentile(values: Sequence[float], share: float) -> float:
    """share: 0..1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def volley(address: str, requests: Sequence[bytes], *, count: int, connections: int, expected: bytes) -> Load:
    """address: a unix socket's path, or host:port. expected: how each answer must begin, else it counts as wrong.

    Answers have no body.
    """
    load, sent = Load(), 0
    with ExitStack() as stack:
        sockets = [stack.enter_context(connected(address)) for _ in range(connections)]
        started = time.perf_counter()
        while load.answers < count:
            for one in sockets:
                one.sendall(requests[sent % len(requests)])
                sent += 1
            for one in sockets:
                received = one.recv(_RECEIVE)
                while b"\r\n\r\n" not in received:
                    received += one.recv(_RECEIVE)
                load.answers += 1
                load.wrong += not received.startswith(expected)
        load.seconds = time.perf_counter() - started
    return load


def ask(address: str, request: bytes, *, whole: bool = False) -> bytes:
    """One answer without a body; whole: all of it, of a server that was told to close."""
    with connected(address) as one:
        one.sendall(request)
        received = b""
        while whole or b"\r\n\r\n" not in received:
            part = one.recv(_RECEIVE)
            if not part:
                break
            received += part
        return received


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    """address: as for volley."""
    over_socket = address.startswith("/")
    with socket.socket(socket.AF_UNIX if over_socket else socket.AF_INET) as one:
        if over_socket:
            one.connect(address)
        else:
            host, port = address.rsplit(":", 1)
            one.connect((host, int(port)))
        one.settimeout(10)
        yield one


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is whole."""

    def __init__(self, requests: Sequence[bytes], expected: bytes, load: Load, budget: list[int]) -> None:
        self._requests, self._expected, self._load, self._budget = requests, expected, load, budget
        self._next, self._buffer, self._sent_at = 0, b"", 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _content_length(self._buffer[: head_end + 2])
        if len(self._buffer) < head_end + 4 + length:
            return
        load = self._load
        load.answers += 1
        load.wrong += not self._buffer.startswith(self._expected)
        load.latencies_us.append((time.perf_counter() - self._sent_at) * 1e6)
        self._buffer = b""
        self._send()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.done.done():
            self._load.wrong += self._budget[0] > 0
            self.done.set_result(None)

    def _send(self) -> None:
        if self._budget[0] <= 0:
            self._transport.close()
            return
        self._budget[0] -= 1
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(lowered[at + 17 : lowered.index(b"\r\n", at + 2)])


async def fire(address: str, requests: Sequence[bytes], *, count: int, connections: int, expected: bytes) -> Load:
    """address and expected: as for volley. Each connection begins at another request."""
    loop, load, budget = asyncio.get_running_loop(), Load(), [count]
    started = time.perf_counter()
    protocols = []
    for at in range(connections):
        first = at * len(requests) // connections
        mine = [*requests[first:], *requests[:first]]

        def make(mine: Sequence[bytes] = mine) -> _Connection:
            return _Connection(mine, expected, load, budget)

        if address.startswith("/"):
            _, protocol = await loop.create_unix_connection(make, address)
        else:
            host, port = address.rsplit(":", 1)
            _, protocol = await loop.create_connection(make, host, int(port))
        protocols.append(protocol)
    await asyncio.gather(*(protocol.done for protocol in protocols))
    load.seconds = time.perf_counter() - started
    return load


def cpu_us(pids: Sequence[int]) -> float:
    """User and system time that processes have used with all their threads, in microseconds (schedstat: exact)."""
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000


def rss_mb(pid: int) -> float:
    """Resident memory, shared pages included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
