"""Asks Redis what a decision needs: one function call for each slot, all of them in one write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import Leases, Question, RecordKind, Reply, Standing
from gateway.core.session.login_record import Session, confirm_after_s, pack_sessions
from gateway.stores.redis.functions.library import FUNCTIONS, Library
from gateway.stores.redis.pipeline import Argument, Done, Pipeline, RedisRefused, answer_to, packed
from gateway.stores.redis.wire import packed_decide, packed_prove, packed_spend, person_key, read_reply, record_key
from gateway.waiting import Caller, Waiter, answer_of

_NO_OTHERS: Final[dict[str, list[int]]] = {}
_NOT_FOUND: Final = "ERR Function not found"
_PROBE: Final = "ready"
_ASKING: Final = packed(("ASKING",))


@dataclass(frozen=True, slots=True)
class Fill:
    """What Postgres says. Leases 0: not to be written. expires_at 0: the login, or what kind says, has ended.

    terms: what an API key may do, sealed.
    """

    tag: str
    login: str
    leases: Leases
    person: bytes
    expires_at: int
    idle_at: int
    idle_s: int
    sessions: tuple[Session, ...]
    kind: RecordKind = "login"
    terms: bytes = b""


class Functions(Protocol):
    """Calls functions of this version's library: on one server (FunctionCalls), or in a cluster (Cluster)."""

    @property
    def servers(self) -> Sequence[Pipeline]:
        """All that calls may go to. Raises StoreUnavailable where one is not connected."""

    @property
    def probes(self) -> Sequence[str]:
        """Tags that lead to each of the servers. Raises StoreUnavailable where one is not connected."""

    def name(self, function: str, /) -> str:
        """As Redis knows it."""

    def call(self, tag: str, command: bytes, done: Done, /) -> None:
        """command: an FCALL as Redis reads it, all of its keys with this tag. done hears the reply, or a
        StoreUnavailable.
        """

    async def ask(self, function: str, keys: Sequence[str], /, *arguments: Argument) -> object:
        """keys: at least one, all with the same tag. Raises StoreUnavailable."""

    def distrust(self) -> None:
        """A reply was not of the call that it came for."""

    async def ready(self) -> None:
        """Returns when the first attempt to connect has ended, well or not."""

    async def run(self) -> None:
        """Keeps it connected until it is cancelled."""


class FunctionCalls:
    """On one server, whatever the tag; loads the library where Redis lost it or never had it."""

    def __init__(self, pipeline: Pipeline, library: Library) -> None:
        self._pipeline = pipeline
        self._library = library
        self._loading = False
        self._load_refused: RedisRefused | None = None
        self._names = {name: library.name(name) for name in FUNCTIONS}

    @property
    def servers(self) -> Sequence[Pipeline]:
        return (self._pipeline,)

    @property
    def probes(self) -> Sequence[str]:
        return (_PROBE,)

    def name(self, function: str) -> str:
        return self._names[function]

    def call(self, _tag: str, command: bytes, done: Done) -> None:
        self._pipeline.call(command, _Call(self, command, done))

    def call_asking(self, command: bytes, done: Done) -> None:
        """In a cluster, of a slot that is on its way to this server."""
        self._pipeline.call_after(_ASKING, command, _Call(self, command, done))

    def again(self, command: bytes, done: Done) -> None:
        """Where the function was not found. Commands are done in order, so this one comes after the load."""
        self._load()
        self._pipeline.call(command, _Again(self, done))

    def reason_for(self, refused: RedisRefused) -> RedisRefused:
        """Where a function is not found after a load, the cause is what the load was refused for."""
        return refused if self._load_refused is None else self._load_refused

    async def ask(self, function: str, keys: Sequence[str], *arguments: Argument) -> object:
        command = packed_call(self._names[function], keys, arguments)
        return await answer_to(lambda done: self.call("", command, done))

    def distrust(self) -> None:
        self._pipeline.distrust()

    async def ready(self) -> None:
        await self._pipeline.ready()

    async def run(self) -> None:
        await self._pipeline.run()

    def _load(self) -> None:
        """Once, however many calls found it missing; whether it worked is said by the calls that follow."""

        def loaded(reply: object) -> None:
            self._loading = False
            self._load_refused = reply if isinstance(reply, RedisRefused) else None

        if not self._loading:
            self._loading = True
            self._pipeline.call(packed(self._library.load_command), Caller(loaded))


async def tell(functions: Functions, function: str, keys: Sequence[str], *arguments: Argument) -> None:
    """One that answers 1: anything else is the reply to another call, so nothing is known to be done (R5).

    Raises StoreUnavailable.
    """
    if await functions.ask(function, keys, *arguments) != 1:
        functions.distrust()
        raise StoreUnavailable(f"{function} was not answered by its own reply")


def packed_call(name: str, keys: Sequence[str], arguments: Sequence[Argument]) -> bytes:
    """name: of the function, as Redis knows it."""
    return packed(("FCALL", name, len(keys), *keys, *arguments))


class _Call(Waiter[object]):
    """One that waits."""

    __slots__ = ("_command", "_done", "_functions")

    def __init__(self, functions: FunctionCalls, command: bytes, done: Done) -> None:
        self._functions = functions
        self._command = command
        self._done = done

    def answered(self, reply: object) -> None:
        if isinstance(reply, bytes) or not _is_lost(reply):
            self._done.answered(reply)
        else:
            self._functions.again(self._command, self._done)


class _Again(Waiter[object]):
    """One whose function was not found, after the library was loaded."""

    __slots__ = ("_done", "_functions")

    def __init__(self, functions: FunctionCalls, done: Done) -> None:
        self._functions = functions
        self._done = done

    def answered(self, reply: object) -> None:
        if isinstance(reply, RedisRefused) and _is_lost(reply):
            self._done.answered(self._functions.reason_for(reply))
        else:
            self._done.answered(reply)


def _is_lost(reply: object) -> bool:
    return isinstance(reply, RedisRefused) and str(reply).startswith(_NOT_FOUND)


class DecisionCalls:
    """The hot path: nothing here waits."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._decide_name = functions.name("decide")
        self._prove_name = functions.name("prove")
        self._spend_name = functions.name("spend")

    def ask(self, question: Question, waiter: Waiter[Reply | None]) -> None:
        """waiter hears None where Redis did not answer, or not in our form: unknown, so nobody passes."""
        presented = question.presented
        own, others = _by_slot(question) if question.spends else ((), {})
        if presented is not None and not others and not question.paid:
            self._functions.call(presented.tag, self._packed(question, own), _Asked(self, question, waiter))
            return
        if presented is None and len(others) == 1 and not question.paid:
            slot, indexes = others.popitem()
            command = packed_spend(self._spend_name, question, indexes)
            self._functions.call(slot, command, _Asked(self, question, waiter))
            return
        gathering = _Gathering(question, waiter, (presented is not None) + len(others))
        if presented is not None:
            command = self._packed(question, own)
            self._functions.call(presented.tag, command, _Share(self, gathering, own, decides=True))
        for slot, indexes in others.items():
            command = packed_spend(self._spend_name, question, indexes)
            self._functions.call(slot, command, _Share(self, gathering, indexes, decides=presented is None))

    def _packed(self, question: Question, own: Sequence[int]) -> bytes:
        if question.proof is None:
            return packed_decide(self._decide_name, question, own)
        return packed_prove(self._prove_name, question, own)

    async def reply_to(self, question: Question) -> Reply | None:
        """ask() for those who may wait."""
        return await answer_of(lambda waiter: self.ask(question, waiter))

    def read(self, question: Question, raw: object) -> Reply | None:
        """None: not the reply to this question."""
        reply = read_reply(question, raw)
        if reply is None and not isinstance(raw, Exception):
            self._functions.distrust()
        return reply

    async def fill(self, fill: Fill) -> tuple[bool, bool]:
        """Whether person and login were written; True where that was not asked. Raises StoreUnavailable."""
        keys = [person_key(fill.tag), record_key(fill.kind, fill.tag, fill.login)]
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
            fill.terms,
        )
        if not isinstance(reply, bytes) or len(reply) != 2:  # noqa: PLR2004 - one letter for each record
            self._functions.distrust()
            raise StoreUnavailable("the fill function answered in an unknown form")
        return reply[:1] != b"0", reply[1:] != b"0"


class _Asked(Waiter[object]):
    """A question that waits for its one reply."""

    __slots__ = ("_calls", "_question", "_waiter")

    def __init__(self, calls: DecisionCalls, question: Question, waiter: Waiter[Reply | None]) -> None:
        self._calls = calls
        self._question = question
        self._waiter = waiter

    def answered(self, raw: object) -> None:
        self._waiter.answered(self._calls.read(self._question, raw))


class _Share(Waiter[object]):
    """Of a gathering: the call to one slot."""

    __slots__ = ("_calls", "_decides", "_gathering", "_indexes")

    def __init__(self, calls: DecisionCalls, gathering: "_Gathering", indexes: Sequence[int], *, decides: bool) -> None:
        self._calls = calls
        self._gathering = gathering
        self._indexes = indexes
        self._decides = decides

    def answered(self, raw: object) -> None:
        reply = self._calls.read(self._gathering.question, raw)
        self._gathering.take(reply, self._indexes, decides=self._decides)


class _Gathering:
    """Puts the answers of several slots together; one that fails fails all."""

    __slots__ = ("_failed", "_missing", "_reply", "_spent", "_waiter", "question")

    def __init__(self, question: Question, waiter: Waiter[Reply | None], missing: int) -> None:
        self.question = question
        self._waiter = waiter
        self._missing = missing
        self._failed = False
        self._reply: Reply | None = None
        self._spent = dict(question.paid)

    def take(self, reply: Reply | None, indexes: Sequence[int], *, decides: bool) -> None:
        """decides: what else it says counts too."""
        self._missing -= 1
        if decides:
            self._reply = reply
        if reply is None:
            self._failed = True
        else:
            for index, one in zip(indexes, reply.spent, strict=False):
                self._spent[index] = one
        if self._missing == 0:
            self._waiter.answered(self._whole())

    def _whole(self) -> Reply | None:
        if self._failed or self._reply is None:
            return None
        if self._reply.outcome is Standing.MISS:
            return self._reply.with_paid(tuple(self._spent.items()))
        if len(self._spent) != len(self.question.spends):
            return None
        return self._reply.with_spent(tuple(self._spent[index] for index in sorted(self._spent)))


def _by_slot(question: Question) -> tuple[Sequence[int], dict[str, list[int]]]:
    """Indexes of the spends in the person's own slot, and of those in other slots that are not paid yet."""
    slot = "" if question.presented is None else question.presented.tag
    for one in question.spends:
        if one.slot != slot:
            break
    else:
        return range(len(question.spends)), _NO_OTHERS
    own: list[int] = []
    others: dict[str, list[int]] = {}
    paid = {index for index, _ in question.paid}
    for index, one in enumerate(question.spends):
        if one.slot == slot:
            own.append(index)
        elif index not in paid:
            others.setdefault(one.slot, []).append(index)
    return own, others
