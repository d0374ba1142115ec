"""Drives decisions between the listeners, Redis and, where Redis doesn't know, Postgres."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.core.errors import StoreUnavailable
from gateway.core.forward.answer import Answer
from gateway.core.forward.callback import Callback, conclude_callback
from gateway.core.forward.check import conclude, prepare
from gateway.core.forward.context import RANDOM_BYTES, Context
from gateway.core.forward.decide import Ask
from gateway.core.forward.key_credentials import bring_key
from gateway.core.forward.request import ForwardedRequest
from gateway.core.policy.facts import Actor
from gateway.core.policy.model import Policy
from gateway.core.principal.ask import LoginFacts, Presented, Question, Reply, Standing
from gateway.core.ratelimit.gcra import Limit
from gateway.core.session.person import ForgedPerson, Person
from gateway.flows.decide.refill import FillOutcome, Refill
from gateway.stores.redis.decisions import DecisionCalls
from gateway.waiting import Waiter

_ROUNDS: Final = 25  # each is lost to a change of the same login, as when twenty tabs come back at once
_NUMBERS: Final = 0xFFFF_FFFF
_POOL_BYTES: Final = RANDOM_BYTES * 256


@dataclass(frozen=True, slots=True)
class LiveLogin:
    """Who is signed in on the auth host, as Redis said a moment ago."""

    token: Presented
    person: Person
    facts: LoginFacts

    @property
    def actor(self) -> Actor:
        person, facts = self.person, self.facts
        return Actor(person.username, frozenset(person.groups), facts.assurance)


class Decisions:
    """One for the process. record: hears of each answer and the microseconds it took. lost: hears which store did not
    answer. Neither may raise.
    """

    def __init__(
        self,
        context: Context,
        calls: DecisionCalls,
        refill: Refill,
        clock_us: Callable[[], int],
        random: Callable[[int], bytes],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        record: Callable[[ForwardedRequest, Answer, int], None],
        lost: Callable[[str], None],
    ) -> None:
        self._context = context
        self._calls = calls
        self._refill = refill
        self._clock_us = clock_us
        self._random = random
        self._spawn = spawn
        self._record = record
        self._lost = lost
        self._number = 0
        self._bytes = b""
        self._used = 0

    @property
    def policy(self) -> Policy:
        return self._context.policy

    def enforce(self, policy: Policy) -> None:
        """From the next request on. What waits for Redis goes on under the policy that it began with."""
        self._context = replace(self._context, policy=policy)

    def limit_refused_keys(self, limit: Limit) -> None:
        """Of this worker, from the next refusal on."""
        self._context.refused_keys.limit = limit

    def goes_first(self, question: bytes) -> bool:
        """Whether these bytes bring a session, a token or a key of ours."""
        context = self._context
        return (
            context.tokens.are_in(question) or context.reader.are_in(question) or bring_key(question, context.api_keys)
        )

    def start(self, request: ForwardedRequest, done: Waiter[Answer]) -> None:
        """done hears the answer once, maybe before this returns. No task is made unless Redis doesn't know."""
        started_us = self._clock_us()
        prepared = prepare(request, self._context, started_us, self._fresh(), self._next())
        if isinstance(prepared, Answer):
            self._record(request, prepared, self._clock_us() - started_us)
            done.answered(prepared)
        else:
            self._calls.ask(prepared.question, _Pending(self, prepared, started_us, done))

    async def authenticate(self, text: str, host: str) -> LiveLogin | None:
        """None: nobody is signed in with this token on this host. Raises StoreUnavailable: not known."""
        token = self._context.tokens.presented(host, text)
        return None if token is None else self._live(token, await self.standing_of(token))

    async def live(self, presented: Presented) -> tuple[LiveLogin | None, int]:
        """As authenticate, of a credential that is no cookie; and the time of Redis, Unix seconds. It is a use of the
        login.
        """
        reply = await self.standing_of(presented)
        return self._live(presented, reply), reply.now_us // 1_000_000

    async def standing_of(self, presented: Presented) -> Reply:
        """Redis's word, told by Postgres where it did not know. A credential that the login does not have is no use of
        the login, and UNKNOWN then says that the login lives. Raises StoreUnavailable.
        """
        reply = await self._asked_until_known(Question(self._next(), presented, None, ()))
        if reply is None or reply.login != presented.login:
            raise StoreUnavailable("the session could not be checked")
        return reply

    def _live(self, token: Presented, reply: Reply) -> LiveLogin | None:
        if reply.outcome is not Standing.LIVE or reply.facts is None:
            return None
        try:
            known = self._context.people.open(token.tag, reply.person)
        except ForgedPerson as error:
            raise StoreUnavailable("the record of the session can't be read") from error
        return LiveLogin(token, known.person, reply.facts)

    def heard(self, pending: "_Pending", reply: Reply | None) -> None:
        """Redis has answered; None: it did not."""
        if reply is None:
            self._lost("redis")
        elif reply.leases is not None:
            if reply.outcome is Standing.MISS:
                self._spawn(self._fill_and_answer(pending, reply))
                return
            self._confirm_if_due(pending.asked.question, reply)
        self._conclude(pending, reply)

    async def _fill_and_answer(self, pending: "_Pending", reply: Reply) -> None:
        self._conclude(pending, await self._known_after(pending.asked.question, reply))

    def _conclude(self, pending: "_Pending", reply: Reply | None) -> None:
        asked, now_us = pending.asked, self._clock_us()
        answer = conclude_callback(asked, reply) if isinstance(asked, Callback) else conclude(asked, reply, now_us)
        self._record(asked.request, answer, now_us - pending.started_us)
        pending.done.answered(answer)

    async def _asked_until_known(self, question: Question) -> Reply | None:
        reply = await self._calls.reply_to(question)
        if reply is not None and reply.outcome is Standing.MISS:
            return await self._known_after(question, reply)
        self._confirm_if_due(question, reply)
        return reply

    async def _known_after(self, question: Question, missed: Reply) -> Reply | None:
        """What Redis says once it has been told. None: not known, so nobody passes."""
        assert question.presented is not None
        for _ in range(_ROUNDS):
            outcome = await self._refill.fill(question.presented, missed)
            if outcome in (FillOutcome.BUSY, FillOutcome.UNAVAILABLE):
                return None
            question = question.with_paid(missed.paid)
            reply = await self._calls.reply_to(question)
            if reply is None or reply.outcome is not Standing.MISS:
                self._confirm_if_due(question, reply)
                return reply
            missed = reply
        return None

    def _confirm_if_due(self, question: Question, reply: Reply | None) -> None:
        if reply is not None and reply.leases is not None and question.presented is not None:
            self._refill.confirm_soon(question.presented, reply)

    def _next(self) -> int:
        self._number = (self._number + 1) & _NUMBERS
        return self._number

    def _fresh(self) -> bytes:
        """Random bytes are read in one go for many requests; each is handed out once."""
        at = self._used
        if at + RANDOM_BYTES > len(self._bytes):
            self._bytes, at = self._random(_POOL_BYTES), 0
        self._used = at + RANDOM_BYTES
        return self._bytes[at : self._used]


class _Pending(Waiter[Reply | None]):
    """A decision that waits for Redis."""

    __slots__ = ("_decisions", "asked", "done", "started_us")

    def __init__(self, decisions: Decisions, asked: Ask | Callback, started_us: int, done: Waiter[Answer]) -> None:
        self._decisions = decisions
        self.asked = asked
        self.started_us = started_us
        self.done = done

    def answered(self, reply: Reply | None) -> None:
        self._decisions.heard(self, reply)
