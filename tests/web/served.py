"""A decision listener on a socket, over real stores, and what is said to it as bytes."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.web.forward_auth.listener import Listener
from tests.deciding import Deciding

_LAST: Final = b"GET /enough HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_LAST_ANSWER: Final = (
    b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"Content-Length: 40\r\nConnection: close\r\n\r\nBastion: only /decide is answered here.\n"
)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@dataclass
class Served:
    """path: of the socket. listener: for draining. here: the stores behind it."""

    path: Path
    listener: Listener
    here: Deciding

    async def send(self, raw: bytes) -> bytes:
        """All that comes back until the server closes, or until it answers a last question of our own.

        That question follows the first bytes of an answer, so that nothing of raw is read together with it. Its answer
        is cut off: it shows that the connection was open, and that nothing else came after the answers to raw.
        """
        loop, received = asyncio.get_running_loop(), b""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, str(self.path))
            await loop.sock_sendall(sock, raw)
            with suppress(ConnectionError):
                received = await loop.sock_recv(sock, 65_536)
            with suppress(ConnectionError):
                await loop.sock_sendall(sock, _LAST)
            with suppress(ConnectionError):
                while data := await loop.sock_recv(sock, 65_536):
                    received += data
        if received.endswith(_LAST_ANSWER):
            return received.removesuffix(_LAST_ANSWER)
        return received + b"<closed>"


def question(
    uri: str = "/open/x",
    *,
    method: str = "GET",
    target: str = "/decide?x",
    more: str = "",
    host: str = "wiki.example.org",
) -> bytes:
    return (
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: 7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11\r\n"
        f"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: {uri}\r\nX-Forwarded-Host: {host}\r\n"
        f"X-Forwarded-Proto: https\r\nX-Forwarded-For: 127.0.0.1\r\n{more}\r\n"
    ).encode()


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
