"""One connection to Redis that sends the calls of one event-loop tick in one write and resolves replies in order.

A reply belongs to the oldest call that waits. So whatever could put the two out of step ends the connection and fails
all that waits: a timeout, an error while parsing, a reply that nobody asked for (threats.md R5). A caller that has
lost interest keeps its place.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from gateway.core.errors import Outage, StoreUnavailable
from gateway.stores.redis.outage import outage_of
from gateway.waiting import Caller, Waiter, answer_of

RedisReply: TypeAlias = object
Done: TypeAlias = Waiter[RedisReply | Exception]
Argument: TypeAlias = str | bytes | int

MAX_WAITING: Final = 20_000
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5
_DEFAULT_PORT: Final = 6379
_CONNECT_S: Final = 1.0


class RedisRefused(StoreUnavailable):
    """Redis answered with an error of its own."""


@dataclass(frozen=True, slots=True, repr=False)
class Server:
    """Where Redis is and who we are there. path "": TCP. repr is left out: it holds a password."""

    path: str
    host: str
    port: int
    tls: bool
    username: str
    password: str
    database: int

    @classmethod
    def of(cls, url: str) -> "Server":
        """url: redis://, rediss:// or unix://, as the configuration has checked it."""
        parts = urlsplit(url)
        over_socket = parts.scheme == "unix"
        in_query = parse_qs(parts.query).get("db", ["0"])[0]
        database = in_query if over_socket else parts.path.strip("/") or in_query
        return cls(
            path=unquote(parts.path) if over_socket else "",
            host=parts.hostname or "localhost",
            port=parts.port or _DEFAULT_PORT,
            tls=parts.scheme == "rediss",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=int(database),
        )

    def __str__(self) -> str:
        scheme = "rediss" if self.tls else "redis"
        where = f"unix:{self.path}" if self.path else f"{scheme}://{self.host}:{self.port}"
        return f"{where} (user {self.username or 'default'}, database {self.database})"

    def greeting(self) -> list[tuple[str, ...]]:
        """What is sent before all else on a new connection."""
        commands: list[tuple[str, ...]] = []
        if self.password:
            user = (self.username,) if self.username else ()
            commands.append(("AUTH", *user, self.password))
        if self.database:
            commands.append(("SELECT", str(self.database)))
        commands.append(("CLIENT", "SETNAME", "bastion"))
        return commands


class _Connection:
    """An asyncio.Protocol, but not by its base class, under which compiled attributes are slow.

    waiting: oldest first, each with the loop time at which it is too late.
    """

    def __init__(self, timeout_s: float) -> None:
        self.closed = asyncio.get_running_loop().create_future()
        self.waiting: deque[tuple[float, Done]] = deque()
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._late_at = 0.0  # of what is sent in this tick

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop.call_later(self._timeout_s / 2, self._look_at_the_oldest)

    def send(self, packed: bytes, done: Done) -> None:
        """Once it has ended, done hears so at once: nobody looks at what waits there any more."""
        if self._transport is None:
            done.answered(StoreUnavailable("the connection to Redis has ended"))
            return
        if not self._out:
            self._loop.call_soon(self._flush)
            self._late_at = self._loop.time() + self._timeout_s
        self._out.append(packed)
        self.waiting.append((self._late_at, done))

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if not self.waiting:
                    raise hiredis.ProtocolError("a reply that nobody waits for")
                _, done = self.waiting.popleft()
                done.answered(RedisRefused(str(reply)) if isinstance(reply, hiredis.ReplyError) else reply)
        except hiredis.HiredisError as error:
            self.end(StoreUnavailable(f"Redis does not speak its protocol: {error}"))

    def eof_received(self) -> bool:
        """Redis has ended its side, so the connection ends."""
        return False

    def pause_writing(self) -> None:
        """What Redis doesn't take in time is too late anyhow, and no more than MAX_WAITING calls wait."""

    def resume_writing(self) -> None:
        """As above."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(StoreUnavailable(f"the connection to Redis is lost: {exc or 'closed'}"))

    def end(self, error: StoreUnavailable) -> None:
        """Nothing is read any more; whoever waits hears the error."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        if not self.closed.done():
            self.closed.set_result(error)
        waiting, self.waiting = self.waiting, deque()
        for _, done in waiting:
            done.answered(error)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(b"".join(out))

    def _look_at_the_oldest(self) -> None:
        if self._transport is None:
            return
        if self.waiting and self.waiting[0][0] <= self._loop.time():
            self.end(StoreUnavailable(f"Redis did not answer within {self._timeout_s} s"))
            return
        self._loop.call_later(self._timeout_s / 2, self._look_at_the_oldest)


class Pipeline:
    """run() keeps it connected; while it is not, every call fails at once."""

    def __init__(self, where: str | Server, timeout_s: float) -> None:
        """where: a URL, or a server. timeout_s: for one call; it may last half as long again until it is noticed."""
        self._server = Server.of(where) if isinstance(where, str) else where
        self._timeout_s = timeout_s
        self._connection: _Connection | None = None
        self._outage = Outage("not tried yet", f"Redis at {self._server}")
        self._first_try = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def server(self) -> str:
        """Which one it is, and as whom."""
        return str(self._server)

    @property
    def outage(self) -> Outage:
        """Why it is not connected."""
        return self._outage

    def call(self, command: bytes, done: Done) -> None:
        """command: as packed() writes it. done hears the reply, or StoreUnavailable; it may be called before this
        returns.
        """
        connection = self._connection
        if connection is None:
            done.answered(StoreUnavailable(self._outage))
        elif len(connection.waiting) >= MAX_WAITING:
            done.answered(StoreUnavailable("too many calls wait for Redis"))
        else:
            connection.send(command, done)

    async def ask(self, command: Sequence[Argument]) -> RedisReply:
        """call() for those who may wait. Raises StoreUnavailable."""
        return await answer_to(lambda done: self.call(packed(command), done))

    def call_after(self, first: bytes, command: bytes, done: Done) -> None:
        """Nothing comes between the two on their way. done hears the reply to command alone."""
        if self._connection is not None and len(self._connection.waiting) + 2 > MAX_WAITING:
            done.answered(StoreUnavailable("too many calls wait for Redis"))
        else:
            self.call(first, Caller(lambda _: None))
            self.call(command, done)

    def distrust(self) -> None:
        """A reply was not of the call that it came for: all that waits fails, and a new connection is made (R5)."""
        if self._connection is not None:
            self._connection.end(StoreUnavailable("a reply of Redis was not of its call"))

    async def ready(self) -> None:
        """Returns when the first attempt to connect has ended, well or not."""
        await self._first_try.wait()

    async def run(self) -> None:
        """Until it is cancelled."""
        pause_s = _FIRST_PAUSE_S
        try:
            while True:
                try:
                    connection = await self._connect()
                except (OSError, TimeoutError, StoreUnavailable, UnicodeError) as error:
                    self._outage = outage_of(error, str(self._server))
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                else:
                    pause_s, self._connection = _FIRST_PAUSE_S, connection
                    self._first_try.set()
                    ended: StoreUnavailable = await connection.closed
                    self._outage = Outage(str(ended), f"Redis at {self._server}")
                    self._connection = None
                self._first_try.set()
                await asyncio.sleep(pause_s)
        finally:
            if self._connection is not None:
                self._connection.end(StoreUnavailable("the gateway ends"))
                self._connection = None

    async def _connect(self) -> _Connection:
        """Raises OSError, TimeoutError, StoreUnavailable where Redis refuses our password or database, or UnicodeError
        for a host that no name server can be asked for, as a cluster may name one.
        """
        loop, server = asyncio.get_running_loop(), self._server
        connection = _Connection(self._timeout_s)
        protocol = cast(asyncio.Protocol, connection)
        async with asyncio.timeout(_CONNECT_S):
            if server.path:
                await loop.create_unix_connection(lambda: protocol, server.path)
            else:
                tls = ssl.create_default_context() if server.tls else None
                await loop.create_connection(lambda: protocol, server.host, server.port, ssl=tls)
            for command in server.greeting():
                await self._greet(connection, command)
        return connection

    async def _greet(self, connection: _Connection, command: tuple[str, ...]) -> None:
        reply: RedisReply | Exception = await answer_of(lambda done: connection.send(packed(command), done))
        if isinstance(reply, Exception):
            connection.end(StoreUnavailable("Redis refused the greeting"))
            raise reply


async def answer_to(start: Callable[[Done], None]) -> RedisReply:
    """start: begins a call. Its reply, or whatever error it ends in."""
    reply = await answer_of(start)
    if isinstance(reply, Exception):
        raise reply
    return reply


def packed(command: Sequence[Argument]) -> bytes:
    """As Redis reads it."""
    raw: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type]  # its stub means one argument, not many
    return raw
