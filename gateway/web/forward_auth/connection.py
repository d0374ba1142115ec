"""A connection of the proxy to the decision listener: bytes become questions, each measured and asked.

It answers GET and HEAD of /decide. A body is refused and ends the connection, because whatever follows could be an
attacker's bytes (threats.md P4); Upgrade means nothing here.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import httptools

from gateway.core.forward.answer import Answer
from gateway.core.forward.check import malformed
from gateway.core.forward.request import Fields, ForwardedRequest, MalformedRequest, request_of
from gateway.waiting import Waiter
from gateway.web.forward_auth.admission import Admission
from gateway.web.forward_auth.exchanges import MAX_HELD, Exchange, Exchanges, Stage
from gateway.web.forward_auth.rendering import plain

Decide: TypeAlias = Callable[[ForwardedRequest, Waiter[Answer]], None]
PATH: Final = b"/decide"
_QUESTION: Final = PATH + b"?"
MAX_HEADER_BYTES: Final = 65_536
MAX_HEADERS: Final = 256
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


class Connection:
    """An asyncio.Protocol, but not by its base class, under which compiled attributes are slow.

    It stands in connections while it is open. closed: called once it is not.
    """

    def __init__(
        self,
        decide: Decide,
        patience: Patience,
        admission: Admission,
        connections: set["Connection"],
        closed: Callable[[], None],
    ) -> None:
        self._decide = decide
        self._patience = patience
        self._admission = admission
        self._connections = connections
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._exchanges = Exchanges(admission)
        self._parser = httptools.HttpRequestParser(self)
        self._fields: Fields | None = None  # of the question that has begun
        self._url = b""
        self._unread = 0  # bytes of the question that has begun
        self._since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._admission.admits(self._transport):
            self.abort()
            return
        self._exchanges.begin(self._transport)
        self._connections.add(self)
        self._loop.call_later(self._patience.look_s, self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own signature
        self._transport = None
        self._exchanges.close()
        self._connections.discard(self)
        self._closed()

    def data_received(self, data: bytes) -> None:
        """What has begun goes on: it has had its turn."""
        exchanges, admission = self._exchanges, self._admission
        if exchanges.is_deaf():
            return
        if exchanges.held or not (self._unread or admission.goes_first(data)):
            self._hold(data)
        else:
            admission.strangers.others += 1
            self._take(data)

    def take_held(self) -> bool:
        """One piece at a turn. Whether there was one."""
        exchanges = self._exchanges
        if not exchanges.held:
            return False
        data = exchanges.held.pop(0)
        if not exchanges.is_deaf():
            self._take(data)
        if exchanges.held:
            self._admission.strangers.wait(self.take_held)
        elif exchanges.stage is Stage.ENDED and not exchanges.end() and self._transport is not None:
            self._transport.close()
        exchanges.read_on()
        return True

    def _hold(self, data: bytes) -> None:
        held = self._exchanges.held
        held.append(data)
        if len(held) == 1:
            self._admission.strangers.wait(self.take_held)
        if (len(held) >= MAX_HELD or len(data) > MAX_HEADER_BYTES) and self._transport is not None:
            self._transport.pause_reading()

    def _take(self, data: bytes) -> None:
        if not self._unread and len(data) <= MAX_HEADER_BYTES and data.endswith(_END):
            self._feed(data)
        else:
            self._read_apart(data)
        self._exchanges.pause_if_too_many_wait()

    def eof_received(self) -> bool:
        """Whether the connection stays: until what was asked is answered. Half a question is none."""
        exchanges = self._exchanges
        if exchanges.held and exchanges.stage is Stage.OPEN:
            exchanges.stage = Stage.ENDED
            return True
        return exchanges.end()

    def _read_apart(self, data: bytes) -> None:
        """Question by question: each is measured, and what is left over is known, however the bytes were cut."""
        at = 0
        while at < len(data) and not self._exchanges.is_deaf():
            lone = data[at] in _BREAK  # maybe the rest of an end, whose beginning came before
            if not self._unread:
                if lone:  # an empty line before a question is nothing
                    at += 1
                    continue
                self._since = None  # of the question's first byte, so that drops of it prolong nothing
            room = MAX_HEADER_BYTES - self._unread
            if not room:
                self._exchanges.refuse(431, "the headers are too large")
                return
            found = -1 if lone else data.find(_END, at)
            end = at + 1 if lone else found + len(_END) if found >= 0 else len(data)
            piece = data[at : min(end, at + room)]
            at += len(piece)
            self._unread += len(piece)
            self._feed(piece)

    def _feed(self, data: bytes) -> None:
        rest = self._fed(data)
        while rest and not self._exchanges.is_deaf():
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
            self._exchanges.stage = Stage.DEAF
            self.abort()
        except httptools.HttpParserError:
            if not self._exchanges.is_deaf():
                self._exchanges.refuse(400, "not HTTP/1.1")
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
        if self._exchanges.is_deaf():
            return
        fields = self._fields
        assert fields is not None
        if fields.count > MAX_HEADERS:
            self._exchanges.refuse(431, "there are too many headers")
        elif fields.body_follows:
            self._exchanges.refuse(400, "a question has no body")

    def on_message_complete(self) -> None:
        if self._exchanges.is_deaf():
            return
        self._unread, self._since = 0, None
        method = self._parser.get_method()
        last = self._admission.draining or not self._parser.should_keep_alive()
        exchange = self._exchanges.add(head_only=method == b"HEAD", last=last)
        fields, url = self._fields, self._url
        self._fields, self._url = None, b""  # an idle connection keeps nobody's cookies
        assert fields is not None
        if not url.startswith(_QUESTION) and url != PATH:
            exchange.answered(plain(404, "only /decide is answered here"))
        elif method not in (b"GET", b"HEAD"):
            exchange.answered(plain(405, "ask with GET", b"Allow: GET, HEAD\r\n"))
        else:
            self._ask(exchange, fields)

    def _ask(self, exchange: Exchange, fields: Fields) -> None:
        try:
            request = request_of(fields)
        except MalformedRequest as error:
            exchange.answered(malformed(error))
            return
        self._decide(request, exchange)

    def pause_writing(self) -> None:
        self._exchanges.pause_writing()

    def resume_writing(self) -> None:
        self._exchanges.resume_writing()

    def close_when_idle(self) -> None:
        if self._exchanges.is_idle() and self._unread == 0 and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _look_at_the_clock(self) -> None:
        if self._transport is None:
            return
        now, patience = self._loop.time(), self._patience
        if self._since is None:
            self._since = now
        silent_s = now - self._since
        if self._exchanges.is_idle() and silent_s > (patience.partial_s if self._unread else patience.idle_s):
            self._transport.abort()
            return
        self._loop.call_later(patience.look_s, self._look_at_the_clock)
