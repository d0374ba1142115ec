"""The decision listener: a small HTTP/1.1 server that faces only the proxy, and makes no task for a request.

It answers GET and HEAD of /decide. A body is refused and ends the connection, because whatever follows could be an
attacker's bytes (threats.md P4); Upgrade means nothing here.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, TypeAlias, cast

import httptools

from gateway.core.forward.answer import Answer
from gateway.core.forward.check import malformed
from gateway.core.forward.request import Fields, ForwardedRequest, MalformedRequest, request_of
from gateway.core.waiting import Waiter
from gateway.web.forward_auth.strangers import Strangers

Decide: TypeAlias = Callable[[ForwardedRequest, Waiter[Answer]], None]
GoesFirst: TypeAlias = Callable[[bytes], bool]
PATH: Final = b"/decide"
_QUESTION: Final = PATH + b"?"
MAX_HEADER_BYTES: Final = 65_536
MAX_HEADERS: Final = 256
MAX_WAITING: Final = 64
MAX_HELD: Final = 2
_REASONS: Final = {
    200: b"OK", 204: b"No Content", 302: b"Found", 303: b"See Other", 400: b"Bad Request", 401: b"Unauthorized",
    403: b"Forbidden", 404: b"Not Found", 405: b"Method Not Allowed", 413: b"Content Too Large",
    421: b"Misdirected Request", 425: b"Too Early", 429: b"Too Many Requests",
    431: b"Request Header Fields Too Large", 503: b"Service Unavailable",
}  # fmt: skip
_STATUS_LINES: Final = {status: b"HTTP/1.1 %d %s\r\n" % (status, reason) for status, reason in _REASONS.items()}
_NO_CONTENT: Final = 204
_END: Final = b"\r\n\r\n"  # of every question: there is no body
_BREAK: Final = b"\r\n"
_LOG: Final = logging.getLogger("gateway.listener")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. idle_s: longer than Caddy keeps a connection (120 s), so that the proxy closes first.

    partial_s: for the rest of a question that has begun. look_s: how often the clock is looked at; what is measured
    begins with the first look, so each may last as much longer. linger_s: at the end, for a question that is on its
    way on a connection that the proxy holds: one that it has just opened it would not try again (Go retries on reused
    connections only), and answers 502.
    """

    idle_s: float = 150.0
    partial_s: float = 10.0
    look_s: float = 5.0
    linger_s: float = 1.0


class Listener:
    """Makes a protocol for each connection of the proxy, and ends them all.

    decide: Decisions.start. peers: who may connect over TCP. goes_first: whether bytes of a question are served at once
    or in the strangers' turn; nothing else depends on it. tell_waiting: hears how many strangers wait.
    """

    def __init__(
        self,
        decide: Decide,
        peers: Sequence[IPv4Network | IPv6Network],
        patience: Patience = Patience(),
        *,
        goes_first: GoesFirst = lambda _question: True,
        tell_waiting: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self.decide = decide
        self.patience = patience
        self.goes_first = goes_first
        self.strangers = Strangers(tell_waiting)
        self.connections: set[_Connection] = set()
        self.draining = False
        self._peers = peers
        self._empty = asyncio.Event()

    def __call__(self) -> asyncio.Protocol:
        return cast(asyncio.Protocol, _Connection(self))

    def admits(self, transport: asyncio.Transport) -> bool:
        """Over a unix socket the file's permissions decide; over TCP the address does, this machine by default."""
        peer = transport.get_extra_info("peername")
        if not isinstance(peer, tuple):
            return True
        address = ip_address(str(peer[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if not self._peers:
            return address.is_loopback
        return any(address in network for network in self._peers)

    async def drain(self, within_s: float) -> None:
        """Answers what is under way or about to come, each as the last of its connection; then closes.

        What takes longer is cut off. The listening socket has to be closed before.
        """
        self.draining = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_closed(), min(self.patience.linger_s, within_s))
        for connection in list(self.connections):
            connection.close_when_idle()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_closed(), within_s)
        for connection in list(self.connections):
            connection.abort()

    def closed(self, connection: "_Connection") -> None:
        self.connections.discard(connection)
        if self.draining and not self.connections:
            self._empty.set()

    async def _all_closed(self) -> None:
        if self.connections:
            await self._empty.wait()


class _Exchange(Waiter[Answer]):
    """One question on a connection. rendered: None until the answer is there. last: the connection ends with it."""

    __slots__ = ("_connection", "_head_only", "last", "rendered")

    def __init__(self, connection: "_Connection", *, head_only: bool, last: bool) -> None:
        self._connection = connection
        self._head_only = head_only
        self.last = last
        self.rendered: bytes | None = None

    def answered(self, answer: Answer) -> None:
        self.rendered = _rendered(answer, head_only=self._head_only, last=self.last)
        self._connection.flush()


class _Connection:
    """An asyncio.Protocol, but not by its base class, under which compiled attributes are slow.

    Questions are answered in the order in which they came.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._fields: Fields | None = None  # of the question that has begun
        self._parser = httptools.HttpRequestParser(self)
        self._exchanges: deque[_Exchange] = deque()
        self._held: list[bytes] = []  # a stranger's, whose turn comes
        self._ended = False  # the proxy sends no more
        self._deaf = False  # nothing that comes now is read: a body, garbage, or the end
        self._paused = False  # too many questions wait
        self._stuffed = False  # the proxy doesn't read its answers
        self._unread = 0  # bytes of the question that has begun
        self._since: float | None = None
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._listener.admits(self._transport):
            self.abort()
            return
        self._listener.connections.add(self)
        self._loop.call_later(self._listener.patience.look_s, self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own signature
        self._transport = None
        self._deaf = True
        self._held.clear()
        self._listener.closed(self)

    def data_received(self, data: bytes) -> None:
        """What has begun goes on: it has had its turn."""
        if self._deaf:
            return
        listener = self._listener
        if self._held or not (self._unread or listener.goes_first(data)):
            self._hold(data)
        else:
            listener.strangers.others += 1
            self._take(data)

    def take_held(self) -> bool:
        """One piece at a turn. Whether there was one."""
        if not self._held:
            return False
        self._take(self._held.pop(0))
        if self._held:
            self._listener.strangers.wait(self.take_held)
        elif self._ended and not self._ends() and self._transport is not None:
            self._transport.close()
        self._read_on()
        return True

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        if len(self._held) == 1:
            self._listener.strangers.wait(self.take_held)
        if (len(self._held) >= MAX_HELD or len(data) > MAX_HEADER_BYTES) and self._transport is not None:
            self._transport.pause_reading()

    def _take(self, data: bytes) -> None:
        if self._deaf:
            return
        if not self._unread and len(data) <= MAX_HEADER_BYTES and data.endswith(_END):
            self._feed(data)
        else:
            self._read_apart(data)
        if len(self._exchanges) > MAX_WAITING and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Whether the connection stays: until what was asked is answered. Half a question is none."""
        self._ended = True
        return bool(self._held) or self._ends()

    def _ends(self) -> bool:
        self._deaf = True
        if not self._exchanges:
            return False
        self._exchanges[-1].last = True
        return True

    def _read_apart(self, data: bytes) -> None:
        """Question by question: each is measured, and what is left over is known, however the bytes were cut."""
        at = 0
        while at < len(data) and not self._deaf:
            lone = data[at] in _BREAK  # maybe the rest of an end, whose beginning came before
            if not self._unread:
                if lone:  # an empty line before a question is nothing
                    at += 1
                    continue
                self._since = None  # of the question's first byte, so that drops of it prolong nothing
            room = MAX_HEADER_BYTES - self._unread
            if not room:
                self._refuse(431, "the headers are too large")
                return
            found = -1 if lone else data.find(_END, at)
            end = at + 1 if lone else found + len(_END) if found >= 0 else len(data)
            piece = data[at : min(end, at + room)]
            at += len(piece)
            self._unread += len(piece)
            self._feed(piece)

    def _feed(self, data: bytes) -> None:
        rest: bytes | None = data
        while rest and not self._deaf:
            rest = self._fed(rest)

    def _fed(self, data: bytes) -> bytes | None:
        """What is still to be fed: after an Upgrade header the parser stops, and here it means nothing."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parser = httptools.HttpRequestParser(self)
            return data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError:
            # A mistake of ours. The question's place would stay empty, and the proxy would wait for it.
            _LOG.exception("a question could not be answered")
            self._deaf = True
            self.abort()
        except httptools.HttpParserError:
            if not self._deaf:
                self._refuse(400, "not HTTP/1.1")
        return None

    # The parser calls these.

    def on_message_begin(self) -> None:
        self._url = b""
        self._fields = Fields()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._fields is not None
        self._fields.add(name, value)

    def on_headers_complete(self) -> None:
        if self._deaf:
            return
        fields = self._fields
        assert fields is not None
        if fields.count > MAX_HEADERS:
            self._refuse(431, "there are too many headers")
        elif fields.body_follows:
            self._refuse(400, "a question has no body")

    def on_message_complete(self) -> None:
        if self._deaf:
            return
        self._unread, self._since = 0, None
        method = self._parser.get_method()
        last = self._listener.draining or not self._parser.should_keep_alive()
        exchange = _Exchange(self, head_only=method == b"HEAD", last=last)
        self._exchanges.append(exchange)
        self._deaf = last
        fields, url = self._fields, self._url
        self._fields, self._url = None, b""  # an idle connection keeps nobody's cookies
        assert fields is not None
        if not url.startswith(_QUESTION) and url != PATH:
            exchange.answered(_plain(404, "only /decide is answered here"))
        elif method not in (b"GET", b"HEAD"):
            exchange.answered(_plain(405, "ask with GET", b"Allow: GET, HEAD\r\n"))
        else:
            self._ask(exchange, fields)

    def _ask(self, exchange: _Exchange, fields: Fields) -> None:
        try:
            request = request_of(fields)
        except MalformedRequest as error:
            exchange.answered(malformed(error))
            return
        self._listener.decide(request, exchange)

    def flush(self) -> None:
        """Writes what is answered, in order."""
        transport, exchanges = self._transport, self._exchanges
        if transport is None:
            exchanges.clear()
            return
        while exchanges and (rendered := exchanges[0].rendered) is not None:
            exchange = exchanges.popleft()
            transport.write(rendered)
            if exchange.last or (self._listener.draining and self._is_idle()):
                self._deaf = True
                transport.close()
                return
        if self._paused and len(exchanges) <= MAX_WAITING and not self._deaf:
            self._paused = False
            self._read_on()

    def _refuse(self, status: int, why: str) -> None:
        """Nothing more is read: whatever follows may be anybody's bytes."""
        self._deaf = True
        exchange = _Exchange(self, head_only=False, last=True)
        self._exchanges.append(exchange)
        exchange.answered(_plain(status, why))

    def pause_writing(self) -> None:
        """A proxy that doesn't read its answers is asked no more."""
        self._stuffed = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._stuffed = False
        self._read_on()

    def _read_on(self) -> None:
        silent = self._deaf or self._ended or self._paused or self._stuffed or len(self._held) >= MAX_HELD
        if self._transport is not None and not silent:
            self._transport.resume_reading()

    def close_when_idle(self) -> None:
        if self._is_idle() and self._unread == 0 and self._transport is not None:
            self._transport.close()

    def _is_idle(self) -> bool:
        return not self._exchanges and not self._held

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _look_at_the_clock(self) -> None:
        if self._transport is None:
            return
        now, patience = self._loop.time(), self._listener.patience
        if self._since is None:
            self._since = now
        silent_s = now - self._since
        if self._is_idle() and silent_s > (patience.partial_s if self._unread else patience.idle_s):
            self._transport.abort()
            return
        self._loop.call_later(self._listener.patience.look_s, self._look_at_the_clock)


def _plain(status: int, why: str, more: bytes = b"") -> Answer:
    head = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n" + more
    return Answer(status, head, f"Bastion: {why}.\n".encode(), "refused", "", why)


def _rendered(answer: Answer, *, head_only: bool, last: bool) -> bytes:
    line = _STATUS_LINES.get(answer.status) or b"HTTP/1.1 %d Other\r\n" % answer.status
    length = b"" if answer.status == _NO_CONTENT else b"Content-Length: %d\r\n" % len(answer.body)
    close = b"Connection: close\r\n" if last else b""
    return b"".join((line, answer.head, length, close, b"\r\n", b"" if head_only else answer.body))
