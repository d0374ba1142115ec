"""Delivers the outbox: every worker takes what is due, each kind of message by a task of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import structlog

from gateway.core.outbox.kinds import FixedPauses, MessageKind, Pauses
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.metrics import Slot
from gateway.outbound.undelivered import Delayed, Undeliverable, Undelivered
from gateway.stores.postgres.outbox import Claimed, Outbox

LEASE_S: Final = 90.0  # longer than audit.webhook_timeout_s, mail.timeout_s and webhooks.timeout_s may be
LOOK_S: Final = 5.0
_POLL_S: Final = 30.0  # the worker's Lookout wakes it earlier
_COMPLAIN_EVERY_S: Final = 60.0
_MAIL_SAID: Final = "the mail server does not take a message", "the mail server takes messages again"
_SAID: Final = {
    MessageKind.CHECKPOINT: (
        "the webhook does not take checkpoints of the audit log",
        "the webhook takes checkpoints again",
    ),
    MessageKind.LOGOUT: ("an app does not take logout tokens", "apps take logout tokens again"),
    MessageKind.MAIL: _MAIL_SAID,
    MessageKind.NOTICE: _MAIL_SAID,
    MessageKind.WEBHOOK: ("a webhook endpoint does not take an event", "webhook endpoints take events again"),
}
_LOG: Final = structlog.stdlib.get_logger("gateway.delivery")


async def _as_it_is(claimed: Claimed) -> str:
    return claimed.sealed.decode()


@dataclass(slots=True)
class Delivery:
    """Of one kind, in one worker. send: raises Undelivered. count: hears delivered or failed. read: makes of a row what
    send gets. bury: makes a dead letter of what is Undeliverable, or was tried as often as it may; None: that is tried
    again as everything is.

    A message is sent between two transactions: one takes a lease, the other settles it. Who dies in between leaves the
    lease, which ends after lease_s seconds of Postgres' clock; then another worker sends it again. So a message arrives
    at least once, and never before the transaction that wrote it is committed.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    kind: MessageKind
    send: Callable[[str], Awaitable[None]]
    count: Callable[[str], None]
    pauses: Pauses | FixedPauses = Pauses()  # noqa: RUF009 - frozen
    read: Callable[[Claimed], Awaitable[str]] = _as_it_is
    bury: Callable[[Claimed, str], Awaitable[None]] | None = None
    lease_s: float = LEASE_S
    poll_s: float = _POLL_S
    _some: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _fails: bool = field(default=False, init=False)
    _complained_at: float = field(default=float("-inf"), init=False)

    def wake(self) -> None:
        """This worker has just committed a message, which need not wait for the next poll."""
        self._some.set()

    async def run(self) -> None:
        """Until it is cancelled; Postgres may come and go."""
        while True:
            self._some.clear()
            try:
                while await self._deliver_next():
                    pass
            except RecordUnavailable:
                pass
            except Exception as error:  # noqa: BLE001 - such as a privilege that lacks: the worker goes on without
                self._complain(error)
            with suppress(TimeoutError):  # wait_for would lose a cancellation that comes with a wake (Python 3.11)
                async with asyncio.timeout(self.poll_s):
                    await self._some.wait()

    async def _deliver_next(self) -> bool:
        """False: nothing is due. Raises RecordUnavailable; what was on its way is then sent again."""
        _heed_cancellation()
        async with transaction(self.pool) as connection:
            claimed = await Outbox(connection).claim(self.kind, self.lease_s)
        if claimed is None:
            return False
        try:
            await self.send(await self.read(claimed))
        except asyncio.CancelledError:  # this worker ends: another need not wait for the end of the lease
            with suppress(RecordUnavailable):
                async with transaction(self.pool) as connection:
                    await Outbox(connection).release(claimed)
            raise
        except Undelivered as error:
            self._tell_failure(error)
            await self._settle_failure(claimed, error)
        except Exception as error:  # noqa: BLE001 - a message that can't be sent must not end one worker after another
            self.count("failed")
            _LOG.error("a message could not be sent", message=claimed.id, exc_info=error)
            await self._put_off(claimed, self.pauses.longest_s, f"a bug in Bastion: {type(error).__name__}")
        else:
            self._tell_success(claimed)
            async with transaction(self.pool) as connection:
                await Outbox(connection).finish(claimed)
        return True

    async def _settle_failure(self, claimed: Claimed, error: Undelivered) -> None:
        pause_s = self.pauses.after(claimed.tries, claimed.id)
        if isinstance(error, Delayed) and not error.counts:
            async with transaction(self.pool) as connection:
                await Outbox(connection).postpone(claimed, error.pause_s, str(error))
        elif self.bury is not None and (pause_s is None or isinstance(error, Undeliverable)):
            await self.bury(claimed, str(error))
        else:
            at_least_s = error.pause_s if isinstance(error, Delayed) else 0
            await self._put_off(claimed, max(pause_s or self.pauses.longest_s, at_least_s), str(error))

    async def _put_off(self, claimed: Claimed, pause_s: float, status: str) -> None:
        async with transaction(self.pool) as connection:
            await Outbox(connection).put_off(claimed, pause_s, status)

    def _complain(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._complained_at >= _COMPLAIN_EVERY_S:
            self._complained_at = now
            _LOG.error("the outbox can't be read", kind=self.kind.value, exc_info=error)

    def _tell_failure(self, error: Undelivered) -> None:
        self.count("failed")
        if not self._fails:
            _LOG.error(_SAID[self.kind][0], why=str(error))
        self._fails = True

    def _tell_success(self, claimed: Claimed) -> None:
        """Another worker may have complained."""
        self.count("delivered")
        if self._fails or claimed.tries > 1:
            _LOG.info(_SAID[self.kind][1], tries=claimed.tries)
        self._fails = False


def _heed_cancellation() -> None:
    """One that came at the same moment as an answer: wait_for loses it (Python 3.11), and libraries use that."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@dataclass(frozen=True, slots=True)
class OutboxKeeper:
    """Forgets what is not worth sending any more, and tells the metrics what waits or has failed."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    slot: Slot

    async def purge(self) -> None:
        """Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            worthless = await Outbox(connection).forget_worthless()
        if worthless:
            _LOG.error("messages did not arrive in time, and are not sent any more", count=worthless)

    async def look(self) -> None:
        """By one worker of a node: the levels are those of the whole fleet, and stay while Postgres can't tell them."""
        try:
            async with transaction(self.pool) as connection:
                levels = {(one.kind, one.state): one for one in await Outbox(connection).levels()}
        except (RecordUnavailable, asyncpg.PostgresError):
            return
        for kind in filter(lambda one: one.is_sent, MessageKind):
            for state in ("waiting", "dead"):
                level = levels.get((kind.value, state))
                self.slot.cell("bastion_outbox", f"{kind.value} {state}").set(0 if level is None else level.rows)
            waiting = levels.get((kind.value, "waiting"))
            oldest_s = 0 if waiting is None else max(0, int(waiting.oldest_s))
            self.slot.cell("bastion_outbox_oldest_seconds", kind.value).set(oldest_s)
