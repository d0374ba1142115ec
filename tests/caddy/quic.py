"""A client of HTTP/3 that may send its request before the handshake, and finish the handshake when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import MAX_EARLY_DATA
from aioquic.quic.events import HandshakeCompleted, QuicEvent
from aioquic.tls import SessionTicket

from tests.caddy.front import HOST, Front

_WITHIN_S = 20


class Client(QuicConnectionProtocol):
    """early: whether the server took early data; None before the handshake has ended."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.early: bool | None = None
        self._http = H3Connection(self._quic)
        self._statuses: dict[int, asyncio.Future[int]] = {}
        self._held: list[tuple[bytes, Any]] | None = None

    def ask(self, target: str, port: int, *headers: tuple[str, str]) -> "asyncio.Future[int]":
        """Sent at once; the status comes when it comes."""
        stream = self._quic.get_next_available_stream_id()
        pseudo = ((":method", "GET"), (":scheme", "https"), (":authority", f"{HOST}:{port}"), (":path", target))
        lines = [(name.encode(), value.encode()) for name, value in (*pseudo, *headers)]
        self._http.send_headers(stream, lines, end_stream=True)
        self._statuses[stream] = asyncio.get_running_loop().create_future()
        self.transmit()
        return self._statuses[stream]

    def hold(self) -> None:
        """Hear nothing of the server, so that the handshake does not go on."""
        self._held = []

    async def heard(self) -> None:
        """Returns when the server has said something that is held."""
        async with asyncio.timeout(_WITHIN_S):
            while not self._held:
                await asyncio.sleep(0.01)

    def release(self) -> None:
        assert self._held is not None
        held, self._held = self._held, None
        for words, address in held:
            super().datagram_received(words, address)

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        if self._held is None:
            super().datagram_received(data, addr)
        else:
            assert isinstance(data, bytes)
            self._held.append((data, addr))

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, HandshakeCompleted):
            self.early = event.early_data_accepted
        for heard in self._http.handle_event(event):
            if isinstance(heard, HeadersReceived) and not self._statuses[heard.stream_id].done():
                self._statuses[heard.stream_id].set_result(int(dict(heard.headers)[b":status"]))


async def ticket_of(front: Front) -> SessionTicket:
    """What the server gives to a client that has been there."""
    tickets: list[SessionTicket] = []
    async with _connected(front, None, tickets) as client:
        await asyncio.wait_for(client.ask("/open/first", front.port), _WITHIN_S)
        async with asyncio.timeout(_WITHIN_S):
            while not tickets:
                await asyncio.sleep(0.01)
    return tickets[0]


@asynccontextmanager
async def early(front: Front, ticket: SessionTicket) -> AsyncIterator[Client]:
    """Resumes, and sends early data whatever the ticket says of it; nothing of the server is heard yet."""
    ticket.max_early_data_size = MAX_EARLY_DATA
    async with _connected(front, ticket, []) as client:
        client.hold()
        yield client


@asynccontextmanager
async def _connected(front: Front, ticket: SessionTicket | None, tickets: list[SessionTicket]) -> AsyncIterator[Client]:
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=H3_ALPN, server_name=HOST, cafile=front.ca_file, session_ticket=ticket
    )
    async with connect(
        "127.0.0.1",
        front.port,
        configuration=configuration,
        create_protocol=Client,
        session_ticket_handler=tickets.append,
        wait_connected=ticket is None,
    ) as client:
        assert isinstance(client, Client)
        yield client
