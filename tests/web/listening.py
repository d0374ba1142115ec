"""The decision listener on a socket as a worker has it, with decisions that only say what they were asked.

As a program, in a process with few or many files: python -m tests.web.listening SOCKET FILES_MORE_THAN_IT_NEEDS.
"""

import asyncio
import resource
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop

from gateway.web.forward_auth.admission import GoesFirst
from gateway.web.forward_auth.connection import Patience
from gateway.web.forward_auth.listener import Listener
from tests.fuzz.wire import Slips, Told, answers

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
AS_SERVED = Patience()
ANSWER_BYTES = 65_536  # of the event loops
BYTES_OF_AN_IDLE_CONNECTION = 8192
NewLoop = Callable[[], asyncio.AbstractEventLoop]


class Proxy:
    """A raw socket; what it does is done as bytes."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self.loop.sock_sendall(self.sock, data)

    def ends(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    async def heard(self, count: int) -> list[Told]:
        """count answers, which came without the connection being closed."""
        received = b""
        while received.count(b"HTTP/1.1 ") < count or not received.endswith(b"\r\n\r\n"):
            data = await self.loop.sock_recv(self.sock, 65_536)
            assert data, received
            received += data
        return answers(received)

    async def heard_until_closed(self) -> list[Told]:
        received = b""
        with suppress(ConnectionError):
            while data := await self.loop.sock_recv(self.sock, 65_536):
                received += data
        return answers(received)


@dataclass
class Here:
    """errors: what the loop's exception handler heard."""

    listener: Listener
    slips: Slips
    path: Path
    port: int
    errors: list[dict[str, Any]]
    opened: list[Proxy]

    async def proxy(self) -> Proxy:
        proxy = Proxy(socket.socket(socket.AF_UNIX))
        await proxy.loop.sock_connect(proxy.sock, str(self.path))
        self.opened.append(proxy)
        return proxy

    async def proxy_over_tcp(self) -> Proxy:
        proxy = Proxy(socket.socket())
        await proxy.loop.sock_connect(proxy.sock, ("127.0.0.1", self.port))
        self.opened.append(proxy)
        return proxy


Story = Callable[[Here], Coroutine[Any, Any, None]]


async def until(true: Callable[[], object]) -> None:
    """Ends by the test's own time limit."""
    while not true():
        await asyncio.sleep(0.005)


def tell(
    new_loop: NewLoop,
    directory: Path,
    story: Story,
    patience: Patience = AS_SERVED,
    *,
    goes_first: GoesFirst = lambda _question: False,
) -> None:
    """Afterwards nothing is left of any connection, and nothing went wrong unheard."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_told(directory, story, patience, goes_first))


async def _told(directory: Path, story: Story, patience: Patience, goes_first: GoesFirst) -> None:
    loop, slips = asyncio.get_running_loop(), Slips()
    listener = Listener(slips.start, (), patience, goes_first=goes_first)
    here = Here(listener, slips, directory / f"{uuid4().hex[:8]}.sock", 0, [], [])
    loop.set_exception_handler(lambda _loop, context: here.errors.append(context))
    server = await loop.create_unix_server(here.listener, str(here.path))
    over_tcp = await loop.create_server(here.listener, "127.0.0.1", 0)
    here.port = over_tcp.sockets[0].getsockname()[1]
    await story(here)
    for proxy in here.opened:
        proxy.sock.close()
    await here.listener.drain(1)
    server.close()
    over_tcp.close()
    assert here.listener.connections == set()
    assert here.errors == []


async def serve(path: str, more_files: int) -> None:
    """Until it is killed, or its standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(Listener(Slips().start, ()), path)
    in_use = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + more_files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    print("serves", flush=True)
    ended = asyncio.Event()
    loop.add_reader(0, ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
