"""Bytes to Caddy as they are written, and what comes back, over HTTP/1.1 and HTTP/2."""

import asyncio
import ssl
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import hpack

_WITHIN_S: Final = 20  # for an answer that is due; the machine may be slow
_SILENCE_S: Final = 1.0  # after which a client that has sent too little closes
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, GOAWAY, CONTINUATION = 0, 1, 3, 4, 7, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
_NEVER_A_BODY: Final = (204, 304)


@dataclass(frozen=True, slots=True)
class Reply:
    """headers: names in lower case, in their order. last: the connection ends with it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    last: bool

    def header(self, name: str) -> str:
        """The first, or "" without one."""
        return next((value for known, value in self.headers if known == name), "")


class Gone(Exception):
    """Caddy has closed the connection."""


class Channel:
    """One TLS connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, host: str, context: ssl.SSLContext) -> "Channel":
        """host: whose certificate is asked for."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host))

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError, ssl.SSLError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), _WITHIN_S)

    def send(self, octets: bytes) -> None:
        self._writer.write(octets)

    async def replies(self, methods: Sequence[str], *, silent: bool) -> list[Reply]:
        """One for each method, or as many as there are before the end. silent: maybe none will come."""
        found: list[Reply] = []
        for method in methods:
            try:
                reply = await asyncio.wait_for(self._reply(method), _SILENCE_S if silent else _WITHIN_S)
            except Gone:
                break
            except TimeoutError:
                assert silent, f"no answer to {method} within {_WITHIN_S} s"
                break
            found.append(reply)
            if reply.last:
                break
        return found

    async def rest(self) -> bytes:
        """All that comes until the end, or a second of silence."""
        received = b""
        with suppress(OSError, TimeoutError):
            while octets := await asyncio.wait_for(self._reader.read(65_536), _SILENCE_S):
                received += octets
        return received

    async def frames(self) -> tuple[int, int, int, bytes]:
        """The next one: kind, flags, stream, payload. Raises Gone."""
        head = await self._exactly(9)
        size, stream = int.from_bytes(head[:3], "big"), int.from_bytes(head[5:9], "big")
        return head[3], head[4], stream, await self._exactly(size)

    async def _reply(self, method: str) -> Reply:
        while True:
            lines = (await self._until(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            if status >= 200 or status == 101:
                break
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:]))
        reply = Reply(status, headers, b"", last=status == 101)
        ends = reply.last or reply.header("connection").lower() == "close" or lines[0].startswith("HTTP/1.0")
        if method == "HEAD" or status in _NEVER_A_BODY or status == 101:
            return Reply(status, headers, b"", ends)
        if reply.header("transfer-encoding") == "chunked":
            return Reply(status, headers, await self._chunks(), ends)
        if length := reply.header("content-length"):
            return Reply(status, headers, await self._exactly(int(length)), ends)
        return Reply(status, headers, await self._reader.read(), last=True)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._until(b"\r\n"), 16):
            body += (await self._exactly(size + 2))[:-2]
        await self._until(b"\r\n")
        return body

    async def _until(self, end: bytes) -> bytes:
        try:
            return await self._reader.readuntil(end)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Gone from error

    async def _exactly(self, size: int) -> bytes:
        try:
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Gone from error


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Http2:
    """One connection, one request after the other; nothing of a header is checked or changed here."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self._stream = -1
        channel.send(_PREFACE + frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, ACK, 0, b""))

    async def ask(self, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Reply | None:
        """None: the stream, or the connection, was ended without an answer. Raises Gone when there is no connection."""
        self._stream += 2
        block = self._encoder.encode(
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers], huffman=False
        )
        self.channel.send(frame(HEADERS, END_HEADERS | (0 if body else END_STREAM), self._stream, block))
        if body:
            self.channel.send(frame(DATA, END_STREAM, self._stream, body))
        return await asyncio.wait_for(self._answer(), _WITHIN_S)

    async def _answer(self) -> Reply | None:
        headers: tuple[tuple[str, str], ...] = ()
        received = b""
        while True:
            kind, flags, stream, payload = await self.channel.frames()
            if kind == GOAWAY:
                raise Gone
            if kind == HEADERS:
                headers += self._decoded(payload)
            if stream != self._stream:
                continue
            if kind == RESET:
                return None if not headers else _reply(headers, received)
            if kind == DATA:
                received += payload
            if flags & END_STREAM and kind in (DATA, HEADERS):
                return _reply(headers, received)

    def _decoded(self, payload: bytes) -> tuple[tuple[str, str], ...]:
        pairs = self._decoder.decode(payload, raw=True)
        return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)


def _reply(headers: tuple[tuple[str, str], ...], body: bytes) -> Reply:
    status = next(value for name, value in headers if name == ":status")
    return Reply(int(status), headers, body, last=False)


def chunked(body: bytes) -> bytes:
    return b"".join(_chunks(body)) + b"0\r\n\r\n"


def _chunks(body: bytes) -> Iterator[bytes]:
    if body:
        yield b"%x\r\n%s\r\n" % (len(body), body)
