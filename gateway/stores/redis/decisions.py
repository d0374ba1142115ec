"""Asks Redis what a decision needs: one function call for each slot, all of them in one write."""

import asyncio
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from gateway.core.errors import StoreUnavailable
from gateway.core.forward.ask import Leases, LoginFacts, Outcome, Question, Reply, Spend, Spent
from gateway.core.session.login_record import Session, confirm_after_s, pack_sessions
from gateway.stores.redis.functions.library import Library
from gateway.stores.redis.pipeline import Argument, Pipeline, RedisRefused

Answered: TypeAlias = Callable[[Reply | None], None]
_HEAD: Final = struct.Struct("<IdBddIIIIB")
_SPENT: Final = struct.Struct("<BdId")
_LOGIN_CHARS: Final = 22
_NOT_FOUND: Final = "ERR Function not found"
_OUTCOMES: Final = {ord(outcome.value): outcome for outcome in Outcome}


def person_key(tag: str) -> str:
    """`{tag}u`. Frozen: two versions of a fleet share it."""
    return f"{{{tag}}}u"


def login_key(tag: str, login: str) -> str:
    """`{tag}l:<login>`."""
    return f"{{{tag}}}l:{login}"


def code_key(tag: str, code_hash: str) -> str:
    """`{tag}c:<hash of a hand-off code>`."""
    return f"{{{tag}}}c:{code_hash}"


def bucket_key(spend: Spend) -> str:
    """`{slot}b:<limit>:<who>`."""
    return f"{{{spend.slot}}}b:{spend.limit.name}:{spend.who}"


@dataclass(frozen=True, slots=True)
class Fill:
    """What Postgres says. Leases 0: not to be written. expires_at 0: the login has ended."""

    tag: str
    login: str
    leases: Leases
    person: bytes
    expires_at: int
    idle_at: int
    idle_s: int
    sessions: tuple[Session, ...]


class FunctionCalls:
    """Calls functions of this version's library, and loads it where Redis lost it or never had it."""

    def __init__(self, pipeline: Pipeline, library: Library) -> None:
        self._pipeline = pipeline
        self._library = library
        self._loading = False
        self._names = {
            name: library.name(name) for name in ("decide", "spend", "fill", "finish", "stale", "deny", "offer")
        }

    def call(
        self,
        function: str,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        done: Callable[[object], None],
    ) -> None:
        """done hears the reply, or a StoreUnavailable."""
        command = ("FCALL", self._names[function], len(keys), *keys, *arguments)

        def heard(reply: object) -> None:
            if isinstance(reply, RedisRefused) and str(reply).startswith(_NOT_FOUND):
                # Commands are done in order, so the second call comes after the load.
                self._load()
                self._pipeline.call(command, done)
            else:
                done(reply)

        self._pipeline.call(command, heard)

    def _load(self) -> None:
        """Once, however many calls found it missing; whether it worked is said by the calls that follow."""

        def loaded(_reply: object) -> None:
            self._loading = False

        if not self._loading:
            self._loading = True
            self._pipeline.call(self._library.load_command, loaded)

    async def ask(self, function: str, keys: Sequence[str], *arguments: Argument) -> object:
        """Raises StoreUnavailable."""
        command = ("FCALL", self._names[function], len(keys), *keys, *arguments)
        try:
            return await self._pipeline.ask(command)
        except RedisRefused as error:
            if not str(error).startswith(_NOT_FOUND):
                raise
        self._load()
        return await self._pipeline.ask(command)


class DecisionCalls:
    """The hot path: nothing here waits."""

    def __init__(self, functions: FunctionCalls) -> None:
        self._functions = functions

    def ask(self, question: Question, answered: Answered) -> None:
        """answered hears None where Redis did not answer, or not in our form: unknown, so nobody passes."""
        presented, spends = question.presented, question.spends
        slot = presented.tag if presented is not None else ""
        own = [index for index, one in enumerate(spends) if one.slot == slot] if slot else []
        others: dict[str, list[int]] = {}
        for index, one in enumerate(spends):
            if one.slot != slot and not _is_paid(question, index):
                others.setdefault(one.slot, []).append(index)
        if presented is not None and not others and not question.paid:
            self._decide(question, own, lambda reply: answered(_reply(question, reply)))
            return
        gathering = _Gathering(question, answered, (presented is not None) + len(others))
        if presented is not None:
            self._decide(question, own, lambda reply: gathering.decided(_reply(question, reply), own))
        for indexes in others.values():
            self._spend(question, indexes, gathering)

    async def reply_to(self, question: Question) -> Reply | None:
        """ask() for those who may wait."""
        answered: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()

        def done(reply: Reply | None) -> None:
            if not answered.done():
                answered.set_result(reply)

        self.ask(question, done)
        return await answered

    def _decide(self, question: Question, own: list[int], done: Callable[[object], None]) -> None:
        presented, claim = question.presented, question.claim
        assert presented is not None
        keys = [person_key(presented.tag), login_key(presented.tag, presented.login)]
        arguments: list[Argument] = [question.number, presented.login, presented.credential]
        if claim is None:
            arguments += ("", "")
        else:
            keys.append(code_key(presented.tag, claim.code_hash))
            arguments += (claim.request_id, claim.host)
        for index in own:
            _add_bucket(question.spends[index], keys, arguments)
        self._functions.call("decide", keys, arguments, done)

    def _spend(self, question: Question, indexes: list[int], gathering: "_Gathering") -> None:
        keys: list[str] = []
        arguments: list[Argument] = [question.number]
        for index in indexes:
            _add_bucket(question.spends[index], keys, arguments)
        self._functions.call("spend", keys, arguments, lambda reply: gathering.spent(_reply(question, reply), indexes))

    async def fill(self, fill: Fill) -> tuple[bool, bool]:
        """Whether person and login were written; True where that was not asked. Raises StoreUnavailable."""
        keys = [person_key(fill.tag), login_key(fill.tag, fill.login)]
        reply = await self._functions.ask(
            "fill",
            keys,
            fill.leases.person,
            fill.person,
            fill.leases.login,
            fill.expires_at,
            fill.idle_at,
            fill.idle_s,
            confirm_after_s(fill.idle_s),
            pack_sessions(fill.sessions),
        )
        if not isinstance(reply, bytes) or len(reply) != 2:  # noqa: PLR2004 - one letter for each record
            raise StoreUnavailable("the fill function answered in an unknown form")
        return reply[:1] != b"0", reply[1:] != b"0"


class _Gathering:
    """Puts the answers of several slots together; one that fails fails all."""

    __slots__ = ("_answered", "_failed", "_missing", "_question", "_reply", "_spent")

    def __init__(self, question: Question, answered: Answered, missing: int) -> None:
        self._question = question
        self._answered = answered
        self._missing = missing
        self._failed = False
        self._reply: Reply | None = None
        self._spent = dict(question.paid)

    def decided(self, reply: Reply | None, indexes: list[int]) -> None:
        self._reply = reply
        self._take(reply, indexes)

    def spent(self, reply: Reply | None, indexes: list[int]) -> None:
        if self._question.presented is None:
            self._reply = reply
        self._take(reply, indexes)

    def _take(self, reply: Reply | None, indexes: list[int]) -> None:
        self._missing -= 1
        if reply is None:
            self._failed = True
        else:
            for index, one in zip(indexes, reply.spent, strict=False):
                self._spent[index] = one
        if self._missing == 0:
            self._answered(self._whole())

    def _whole(self) -> Reply | None:
        if self._failed or self._reply is None:
            return None
        if self._reply.outcome is Outcome.MISS:
            return replace(self._reply, paid=tuple(self._spent.items()))
        if len(self._spent) != len(self._question.spends):
            return None
        return replace(self._reply, spent=tuple(self._spent[index] for index in sorted(self._spent)))


def _is_paid(question: Question, index: int) -> bool:
    return any(paid == index for paid, _ in question.paid)


def _add_bucket(spend: Spend, keys: list[str], arguments: list[Argument]) -> None:
    keys.append(bucket_key(spend))
    arguments += (spend.limit.interval_us, spend.limit.window_us)


def _reply(question: Question, raw: object) -> Reply | None:
    """None for anything that is not the reply to this question (threats.md R5)."""
    if not isinstance(raw, bytes) or len(raw) < _HEAD.size:
        return None
    number, now_us, letter, person_lease, login_lease, auth, mfa, expires, idle, count = _HEAD.unpack_from(raw)
    outcome = _OUTCOMES.get(letter)
    if outcome is None or number != question.number:
        return None
    at, login = _HEAD.size, ""
    if outcome is not Outcome.NOT_ASKED:
        login = raw[at : at + _LOGIN_CHARS].decode("ascii", "replace")
        at += _LOGIN_CHARS
    spent = tuple(_spent(raw, at + index * _SPENT.size) for index in range(count))
    live = outcome is Outcome.LIVE
    return Reply(
        number=number,
        login=login,
        now_us=int(now_us),
        outcome=outcome,
        person=raw[at + count * _SPENT.size :] if live else b"",
        facts=LoginFacts(auth, mfa, expires, idle) if live else None,
        leases=Leases(int(person_lease), int(login_lease)) if person_lease or login_lease else None,
        spent=spent,
    )


def _spent(raw: bytes, at: int) -> Spent:
    allowed, retry_after_us, remaining, reset_us = _SPENT.unpack_from(raw, at)
    return Spent(allowed == 1, int(retry_after_us), remaining, int(reset_us))
