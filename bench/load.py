"""A closed-loop HTTP/1.1 load: fixed request bytes over keep-alive connections; answers are counted and checked."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_CLOCK_TICKS: Final = 100  # Linux USER_HZ


@dataclass(slots=True)
class Load:
    """What one run of load saw. latencies_us: one entry for each answer, in order of arrival."""

    answers: int = 0
    wrong: int = 0
    seconds: float = 0.0
    latencies_us: list[float] = field(default_factory=list)

    def percentile_us(self, share: float) -> float:
        """share: 0..1."""
        ordered = sorted(self.latencies_us)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is whole."""

    def __init__(self, requests: Sequence[bytes], expected: bytes, load: Load, budget: list[int]) -> None:
        self._requests, self._expected, self._load, self._budget = requests, expected, load, budget
        self._next, self._buffer, self._sent_at = 0, b"", 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
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
    """address: a unix socket's path, or host:port. expected: how each answer must begin, else it counts as wrong."""
    loop, load, budget = asyncio.get_running_loop(), Load(), [count]
    started = time.perf_counter()
    protocols = []
    for at in range(connections):
        mine = [*requests[at % len(requests) :], *requests[: at % len(requests)]]

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


def cpu_s(pid: int) -> float:
    """User and system time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
