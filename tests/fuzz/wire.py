"""The decision listener without sockets: a transport that is a list, and decisions that say what they were asked.

What is decided is no part of it: Slips answers 200 to every question that reaches it, with what it read.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import ForwardedRequest
from gateway.waiting import Waiter
from gateway.web.forward_auth.listener import Listener

Facts = tuple[str, str, str]  # id, host, target
LATE = "late"


def facts_of(request: ForwardedRequest) -> Facts:
    return request.request_id, request.host, request.target


class Slips:
    """Answers at once, or when it is told to where `late` stands in the path: the newest first."""

    def __init__(self) -> None:
        self.asked: list[Facts] = []
        self.waiting: list[Callable[[], None]] = []

    def start(self, request: ForwardedRequest, done: Waiter[Answer]) -> None:
        facts = facts_of(request)
        self.asked.append(facts)
        line = " ".join(facts).encode("latin-1")
        answer = Answer(200, b"X-Read: " + line + b"\r\n", b"", "allow")
        if LATE in request.path:
            self.waiting.append(lambda: done.answered(answer))
        else:
            done.answered(answer)

    def answer_newest(self) -> None:
        self.waiting.pop()()


class Wire(asyncio.Transport):
    """What a connection does to its transport. after_close: what was written too late to be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.after_close = b""
        self.closed = False
        self.aborted = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closed:
            self.after_close += bytes(data)
        else:
            self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


@dataclass(frozen=True)
class Told:
    """One answer. facts: of Slips, where it is 200. last: it says that the connection ends."""

    status: int
    last: bool
    facts: Facts | None


@dataclass
class Talk:
    """Everything that came of a connection. read: whether all was taken from the wire before it was closed."""

    told: list[Told]
    asked: list[Facts]
    written: bytes
    closed: bool
    aborted: bool
    after_close: bytes
    stuck: bool = field(default=False)


async def talk(pieces: Sequence[bytes], *, ends: bool = False, strangers: bool = False) -> Talk:
    """ends: the proxy shuts down its writing side after the pieces. Late answers come when nothing else can.

    strangers: all questions wait for their turn, which comes when the wire is not read from, or nothing more comes.
    """
    slips, wire = Slips(), Wire()
    protocol = Listener(slips.start, (), goes_first=lambda _question: not strangers)()
    protocol.connection_made(wire)
    stuck = False
    for piece in pieces:
        if not wire.reading:
            await turns()
        while not wire.reading and slips.waiting and not wire.closed:
            slips.answer_newest()
        stuck |= not wire.reading and not wire.closed
        if not wire.closed:
            protocol.data_received(piece)
    if ends and not wire.closed and not protocol.eof_received():
        wire.close()
    await turns()
    while slips.waiting:
        slips.answer_newest()
        await turns()
    protocol.connection_lost(None)
    written = bytes(wire.written)
    return Talk(answers(written), slips.asked, written, wire.closed, wire.aborted, wire.after_close, stuck)


async def turns() -> None:
    """Of all that wait; a connection has two pieces at most."""
    for _ in range(3):
        await asyncio.sleep(0)


def answers(written: bytes) -> list[Told]:
    """A body follows a head unless the question was HEAD; none of ours begins like a head."""
    told = []
    while written:
        head, end, written = written.partition(b"\r\n\r\n")
        assert end, "an answer without an end"
        first, *lines = head.split(b"\r\n")
        assert first.startswith(b"HTTP/1.1 "), first
        headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
        if not written.startswith(b"HTTP/1.1 "):
            size = int(headers[b"content-length"])
            assert len(written) >= size or not written, "an answer that is cut"
            written = written[size:]
        read = headers.get(b"x-read", b"").decode("latin-1").split(" ")
        facts = (read[0], read[1], read[2]) if len(read) == 3 else None
        told.append(Told(int(first[9:12]), headers.get(b"connection") == b"close", facts))
    return told
