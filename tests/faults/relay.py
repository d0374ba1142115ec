"""A relay between a client and a server's unix socket: what passes may be counted, held, changed, or never arrive."""

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
_CHUNK = 262_144


@dataclass(frozen=True, slots=True)
class Passing:
    """What one read brought. answer: it comes from the server. first: nothing was answered on this connection yet.

    pid: of the client's process.
    """

    words: bytes
    answer: bool
    first: bool
    pid: int


class Cut(Exception):
    """Raised by who judges: this connection ends here, and what was passing is lost."""


Judge: TypeAlias = Callable[[Passing], Awaitable[bytes]]


async def pass_on(passing: Passing) -> bytes:
    return passing.words


@dataclass(slots=True)
class Relay:
    """target and judge may be set at any time; another target holds for connections that begin later."""

    path: Path
    target: Path
    judge: Judge = pass_on
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _talks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._talk, self.path)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def cut(self) -> None:
        """Every connection ends."""
        for writer in self._open:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        writers = [writer]
        try:
            there_reader, there = await asyncio.open_unix_connection(self.target)
            writers.append(there)
            self._open.update(writers)
            await self._both_ways(reader, writer, there_reader, there)
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or the test is over
        finally:
            for one in writers:
                one.transport.abort()
            self._open.difference_update(writers)
            self._talks.discard(task)

    async def _both_ways(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there_reader: asyncio.StreamReader,
        there: asyncio.StreamWriter,
    ) -> None:
        pid, answered = _peer(writer), False

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answer: bool) -> None:
            nonlocal answered
            with suppress(OSError, Cut):
                while words := await source.read(_CHUNK):
                    sink.write(await self.judge(Passing(words, answer, not answered, pid)))
                    answered = answered or answer
                    await sink.drain()

        pumps = [
            asyncio.create_task(pump(reader, there, answer=False)),
            asyncio.create_task(pump(there_reader, writer, answer=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in pumps:
                one.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


def _peer(writer: asyncio.StreamWriter) -> int:
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", raw)[0]
    return pid


@asynccontextmanager
async def relaying(path: Path, target: Path, judge: Judge = pass_on) -> AsyncIterator[Relay]:
    relay = Relay(path, target, judge)
    await relay.start()
    yield relay
    await relay.close()


class Elsewhere:
    """A running loop in a thread of its own, for relays that go on while a test waits."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, act: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
