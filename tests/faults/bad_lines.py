"""Lines to Redis that do to replies what no line should, for the relay (threats.md R5)."""

import asyncio
import random
import struct
from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

import hiredis

from gateway.core.session.person import seal, unseal
from tests.core.forward.setting import KEYS
from tests.faults.relay import Passing

_HEAD_BYTES = struct.calcsize("<IdBddIIIIHBB")
_LETTER, _LOGIN = struct.calcsize("<Id"), slice(_HEAD_BYTES, _HEAD_BYTES + 22)


def whole_replies(words: bytes) -> tuple[list[bytes], bytes]:
    """The replies that are there as a whole, and the beginning of the next. Only strings and errors pass here."""
    found, at = [], 0
    while (end := words.find(b"\r\n", at)) >= 0:
        end += 2
        if words[at : at + 1] == b"$":
            end += int(words[at + 1 : end - 2]) + 2
            if end > len(words):
                break
        found.append(words[at:end])
        at = end
    return found, words[at:]


@dataclass
class Replies:
    """Of one connection at a time, put together from what was read."""

    left: bytes = b""

    def of(self, passing: Passing) -> list[bytes]:
        replies, self.left = whole_replies(passing.words if passing.first else self.left + passing.words)
        return replies


class Mischief(Enum):
    DROP = "drop"
    DOUBLE = "double"
    SWAP = "swap"
    DELAY = "delay"
    LATE = "late"


@dataclass
class BadLine:
    """Now and then does mischief to what one read brought.

    late_s: longer than anybody waits. did: how often, only where it made a difference: none to an empty read, or to
    replies that are alike.
    """

    rng: random.Random
    late_s: float
    chance: float = 0
    did: Counter[Mischief] = field(default_factory=Counter)
    replies: Replies = field(default_factory=Replies)

    async def judge(self, passing: Passing) -> bytes:
        if not passing.answer:
            return passing.words
        replies = self.replies.of(passing)
        if replies and self.rng.random() < self.chance:
            await self._do(self.rng.choice(list(Mischief)), replies)
        return b"".join(replies)

    async def _do(self, mischief: Mischief, replies: list[bytes]) -> None:
        at, other = self.rng.sample(range(len(replies)), 2) if len(replies) > 1 else (0, 0)
        if mischief is Mischief.SWAP and replies[at] == replies[other]:
            return
        self.did[mischief] += 1
        match mischief:
            case Mischief.DROP:
                del replies[at]
            case Mischief.DOUBLE:
                replies.insert(at, replies[at])
            case Mischief.SWAP:
                replies[at], replies[other] = replies[other], replies[at]
            case Mischief.DELAY:
                await asyncio.sleep(0.005)
            case Mischief.LATE:
                await asyncio.sleep(self.late_s)


class Mark(Enum):
    """By what a reply shows whose it is."""

    NUMBER = "number"
    LOGIN = "login"
    RECORD = "sealed record"


@dataclass(frozen=True, slots=True)
class Asked:
    number: int
    tag: str
    login: str


@dataclass
class ForgingLine:
    """Gives each live person the reply to the next one, with these marks made to fit; it has the keys to do so.

    on: false, it is honest. crossed: how many replies it gave to somebody else.
    """

    forged: Collection[Mark]
    on: bool = False
    crossed: int = 0
    asked: deque[Asked | None] = field(default_factory=deque)
    questions: hiredis.Reader = field(default_factory=hiredis.Reader)
    replies: Replies = field(default_factory=Replies)

    async def judge(self, passing: Passing) -> bytes:
        if passing.answer:
            return self._crossed(self.replies.of(passing))
        if passing.first:
            self.asked, self.questions = deque(), hiredis.Reader()
        self.questions.feed(passing.words)
        while (command := self.questions.gets()) is not False:
            self.asked.append(_asked(command))
        return passing.words

    def _crossed(self, replies: list[bytes]) -> bytes:
        asked = [self.asked.popleft() for _ in replies]
        live = [at for at, reply in enumerate(replies) if asked[at] is not None and _is_live(reply)]
        given = list(replies)
        if self.on and len(live) > 1:
            for own, other in zip(live, [*live[1:], live[0]], strict=True):
                given[own] = self._fitted(replies[other], asked[own], asked[other])
            self.crossed += len(live)
        return b"".join(given)

    def _fitted(self, reply: bytes, own: Asked | None, other: Asked | None) -> bytes:
        assert own is not None
        assert other is not None
        payload = bytearray(_payload(reply))
        if Mark.NUMBER in self.forged:
            payload[:4] = struct.pack("<I", own.number)
        if Mark.LOGIN in self.forged:
            payload[_LOGIN] = own.login.encode()
        if Mark.RECORD in self.forged:
            person = unseal(KEYS.person, other.tag, bytes(payload[_LOGIN.stop :]))
            payload[_LOGIN.stop :] = seal(KEYS.person, own.tag, person, b"n" * 12)
        return b"$%d\r\n%b\r\n" % (len(payload), bytes(payload))


def _asked(command: list[bytes]) -> Asked | None:
    """None: not about a person."""
    if command[0] != b"FCALL" or b"_decide_" not in command[1]:
        return None
    arguments = command[3 + int(command[2]) :]
    return Asked(int(arguments[0]), command[3].decode()[1:-2], arguments[1].decode())


def _is_live(reply: bytes) -> bool:
    """Also false of an error, as of a function that is yet to be loaded."""
    return _payload(reply)[_LETTER : _LETTER + 1] == b"L"


def _payload(reply: bytes) -> bytes:
    return reply.partition(b"\r\n")[2][:-2]
