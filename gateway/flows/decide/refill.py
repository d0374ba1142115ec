"""Makes live records from Postgres, the one way in which any comes to be (design.md section 2)."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

import structlog

from gateway.core.errors import StoreUnavailable
from gateway.core.keys import Keys
from gateway.core.principal.ask import Leases, Presented, RecordKind, Reply
from gateway.core.privacy.sealing import BrokenSeal
from gateway.core.session.person import seal
from gateway.core.token.api_key import KeyTerms, seal_terms
from gateway.flows.act import Acts
from gateway.flows.decide.live_records import LiveRecord, read_record
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.vault import CorruptRow
from gateway.stores.redis.decisions import DecisionCalls, Fill

CONNECTIONS: Final = 4
WAITING: Final = 256
CONFIRMING: Final = 10_000
_CONFIRM_CONNECTIONS: Final = 2
_NONCE_BYTES: Final = 12
_Key: TypeAlias = tuple[RecordKind, str, str]
_LOG: Final = structlog.stdlib.get_logger("gateway.refill")


class FillOutcome(Enum):
    """The values are labels of a figure."""

    FILLED = "filled"
    REFUSED = "refused"  # something changed meanwhile: ask Redis again
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


@dataclass(slots=True)
class Refill:
    """At most CONNECTIONS at a time and one for each record; who comes in between waits for it (threats.md R6).

    The record has all sessions of a login. Who waits for one that was read too early has it refused, and asks again:
    what changed since has ended its lease.

    Confirmations have a queue of their own, so that neither a flood of refills drops them nor they hold refills up.
    spawn: runs in the background until the gateway ends.
    """

    acts: Acts
    keys: Keys
    calls: DecisionCalls
    random: Callable[[int], bytes]
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    count: Callable[[FillOutcome], None]
    lost: Callable[[str], None]  # hears which store did not answer: postgres or redis
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))
    _running: dict[_Key, "asyncio.Future[FillOutcome]"] = field(default_factory=dict)
    _confirming: dict[_Key, Reply] = field(default_factory=dict)
    _confirm_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONFIRM_CONNECTIONS))

    async def fill(self, presented: Presented, reply: Reply) -> FillOutcome:
        """After a miss. FILLED or REFUSED: ask Redis again."""
        record = _key(presented)
        running = self._running.get(record)
        if running is not None:
            return await asyncio.shield(running)
        if len(self._running) >= WAITING:
            return self._counted(FillOutcome.BUSY)
        future = self._running[record] = asyncio.get_running_loop().create_future()
        outcome = FillOutcome.UNAVAILABLE
        try:
            outcome = await self._fill_in_turn(presented, reply, confirm=False)
        finally:
            del self._running[record]
            future.set_result(outcome)
        return outcome

    def confirm_soon(self, presented: Presented, reply: Reply) -> None:
        """A live record is due: ask Postgres whether it still holds, and tell it when the person was last seen."""
        record = _key(presented)
        earlier = self._confirming.get(record)
        if earlier is not None:
            self._confirming[record] = reply.with_leases(_newest(earlier.leases, reply.leases))
        elif len(self._confirming) >= CONFIRMING:
            self._counted(FillOutcome.BUSY)
        else:
            self._confirming[record] = reply
            self.spawn(self._confirm(presented))

    async def _confirm(self, presented: Presented) -> None:
        async with self._confirm_slots:
            await self._fill_in_turn(presented, self._confirming.pop(_key(presented)), confirm=True)

    async def _fill_in_turn(self, presented: Presented, reply: Reply, *, confirm: bool) -> FillOutcome:
        try:
            async with self._slots:
                return self._counted(await self._fill(presented, reply, confirm=confirm))
        except (RecordUnavailable, StoreUnavailable) as error:
            self.lost("postgres" if isinstance(error, RecordUnavailable) else "redis")
            return self._counted(FillOutcome.UNAVAILABLE)
        except (BrokenSeal, CorruptRow) as error:
            _LOG.error("a person's row can't be read, so they can't pass", why=str(error))
            return self._counted(FillOutcome.UNAVAILABLE)

    async def _fill(self, presented: Presented, reply: Reply, *, confirm: bool) -> FillOutcome:
        leases = reply.leases
        assert leases is not None
        async with self.acts.begin() as act:
            confirm = confirm and bool(leases.login)
            found = await read_record(act, self.keys.tag, presented, reply, confirm=confirm)
            if found is None and not leases.login:
                act.ends(presented.kind, presented.tag, presented.login)
        if found is None:
            return await self._end(presented, leases)
        written = await self.calls.fill(self._fill_of(presented, leases, found))
        return FillOutcome.FILLED if written == (True, True) else FillOutcome.REFUSED

    async def _end(self, presented: Presented, leases: Leases) -> FillOutcome:
        """Redis remembers for a while, so that Postgres is not asked again for each request (threats.md R6).

        Without a lease on the login it has heard of the end already.
        """
        if not leases.login:
            return FillOutcome.FILLED
        over = Fill(presented.tag, presented.login, Leases(0, leases.login), b"", 0, 0, 1, (), presented.kind)
        _, written = await self.calls.fill(over)
        return FillOutcome.FILLED if written else FillOutcome.REFUSED

    def _fill_of(self, presented: Presented, leases: Leases, record: LiveRecord) -> Fill:
        return Fill(
            tag=presented.tag,
            login=presented.login,
            leases=leases,
            person=seal(self.keys.person, presented.tag, record.person, self.random(_NONCE_BYTES)),
            expires_at=record.expires_at,
            idle_at=record.idle_at,
            idle_s=record.idle_s,
            sessions=record.sessions,
            kind=presented.kind,
            terms=b"" if record.terms is None else self._sealed(presented, record.terms),
        )

    def _sealed(self, presented: Presented, terms: KeyTerms) -> bytes:
        return seal_terms(self.keys.person, presented, terms, self.random(_NONCE_BYTES))

    def _counted(self, outcome: FillOutcome) -> FillOutcome:
        self.count(outcome)
        return outcome


def _key(presented: Presented) -> _Key:
    return presented.kind, presented.tag, presented.login


def _newest(earlier: Leases | None, later: Leases | None) -> Leases | None:
    """Of each record the lease that stands on it now: a later one took the place of the earlier."""
    if earlier is None or later is None:
        return later or earlier
    return Leases(later.person or earlier.person, later.login or earlier.login)
