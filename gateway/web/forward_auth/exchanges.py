"""Owns the exchanges of one connection: which questions wait, the order of their answers, and whether more is read."""

import asyncio
from collections import deque
from enum import Enum
from typing import Final

from gateway.core.forward.answer import Answer
from gateway.waiting import Waiter
from gateway.web.forward_auth.admission import Admission
from gateway.web.forward_auth.rendering import plain, rendered

MAX_WAITING: Final = 64
MAX_HELD: Final = 2


class Stage(Enum):
    """Of a connection; it never goes back (docs/http.md has the diagram)."""

    OPEN = "what comes is read"
    ENDED = "the proxy sends no more, and what is held of it is still to be read"
    DEAF = "nothing more is read, after a last question, garbage or the end; what was asked is answered"
    CLOSED = "nothing is written either"


# Compiled, a member of an enum is looked up by its name each time; a constant is not.
_OPEN: Final = Stage.OPEN
_ENDED: Final = Stage.ENDED
_DEAF: Final = Stage.DEAF
_CLOSED: Final = Stage.CLOSED


class Exchange(Waiter[Answer]):
    """One question and its answer. rendered: None until the answer is there. last: the connection ends with it."""

    __slots__ = ("_exchanges", "_head_only", "last", "rendered")

    def __init__(self, exchanges: "Exchanges", *, head_only: bool, last: bool) -> None:
        self._exchanges = exchanges
        self._head_only = head_only
        self.last = last
        self.rendered: bytes | None = None

    def answered(self, answer: Answer) -> None:
        self.rendered = rendered(answer, head_only=self._head_only, last=self.last)
        self._exchanges.flush()


class Exchanges:
    """Questions are answered in the order in which they came.

    held: what a stranger has sent, and whose turn comes. Nothing is read while too many questions wait, while too much
    is held, or while the proxy doesn't read its answers.
    """

    def __init__(self, admission: Admission) -> None:
        self.stage = _OPEN
        self.held: list[bytes] = []
        self._admission = admission
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Exchange] = deque()
        self._answers_pile_up = False

    def begin(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def add(self, *, head_only: bool, last: bool) -> Exchange:
        exchange = Exchange(self, head_only=head_only, last=last)
        self._waiting.append(exchange)
        if last:
            self.stage = _DEAF
        return exchange

    def refuse(self, status: int, why: str) -> None:
        """Nothing more is read: whatever follows may be anybody's bytes."""
        self.add(head_only=False, last=True).answered(plain(status, why))

    def flush(self) -> None:
        """Writes what is answered, in order."""
        transport, waiting = self._transport, self._waiting
        if transport is None:
            waiting.clear()
            return
        were_too_many = len(waiting) > MAX_WAITING
        while waiting and (written := waiting[0].rendered) is not None:
            exchange = waiting.popleft()
            transport.write(written)
            if exchange.last or (self._admission.draining and self.is_idle()):
                self.stage = _DEAF
                transport.close()
                return
        if were_too_many:
            self.read_on()

    def end(self) -> bool:
        """Nothing more comes. Whether an answer is still to go out; the last of them says that it is the last."""
        self.stage = _DEAF
        if not self._waiting:
            return False
        self._waiting[-1].last = True
        return True

    def close(self) -> None:
        self.stage = _CLOSED
        self._transport = None
        self.held.clear()

    def is_deaf(self) -> bool:
        return self.stage is not _OPEN and self.stage is not _ENDED

    def is_idle(self) -> bool:
        return not self._waiting and not self.held

    def pause_if_too_many_wait(self) -> None:
        if len(self._waiting) > MAX_WAITING and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """A proxy that doesn't read its answers is asked no more."""
        self._answers_pile_up = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._answers_pile_up = False
        self.read_on()

    def read_on(self) -> None:
        """Unless there is still a reason not to."""
        too_much = len(self._waiting) > MAX_WAITING or len(self.held) >= MAX_HELD or self._answers_pile_up
        if self.stage is _OPEN and not too_much and self._transport is not None:
            self._transport.resume_reading()
