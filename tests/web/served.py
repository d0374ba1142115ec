"""A decision listener on a socket, over real stores, and what is said to it as bytes."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.web.forward_auth.listener import Listener
from tests.deciding import Deciding


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

    async def send(self, raw: bytes, *, half_close: bool = False) -> bytes:
        """Everything that comes back until the server closes or nothing more comes."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(raw)
        if half_close:
            writer.write_eof()
        received, patience_s = b"", 5.0
        with suppress(TimeoutError, ConnectionResetError):
            while data := await asyncio.wait_for(reader.read(65_536), patience_s):
                received, patience_s = received + data, 0.4
            received += b"<closed>"
        await close(writer)
        return received


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
