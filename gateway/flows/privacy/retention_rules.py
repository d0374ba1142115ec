"""What each rule of retention would take, and how it takes it.

until: what is as old as this is too old. now: by Postgres' clock. Both are Unix seconds.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

import asyncpg

from gateway.core.mail.kinds import MailKind
from gateway.core.privacy.retention import (
    InactiveTerms,
    Leaver,
    RetentionRule,
    RetentionTerms,
    without_last_owner,
)
from gateway.flows.act import Act, Acts
from gateway.flows.mail.notices import NoticeFacts
from gateway.flows.people.leaving import disable_inactive
from gateway.flows.privacy.erasure import Erasure
from gateway.stores.postgres.retention import BATCH, BATCH_OF_RUNS, RetentionRows, rewrite_period_keys


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """ids: of what a rule takes. untold: of whom it tells first that their account will end."""

    until: int
    now: int
    ids: Sequence[str] = ()
    untold: Sequence[str] = ()


class Taker(Protocol):
    """is_planned: whether a run takes what the plan names; else all that is too old by then."""

    @property
    def is_planned(self) -> bool: ...

    async def plan(self, act: Act, until: int, now: int) -> RetentionPlan: ...

    async def take(self, plan: RetentionPlan) -> int:
        """How many it took. Each batch is a transaction of its own."""


def takers(erasure: Erasure, terms: RetentionTerms) -> dict[RetentionRule, Taker]:
    """Of the rules that are on."""
    acts = erasure.acts
    found: dict[RetentionRule, Taker] = {
        RetentionRule.ENDED_LOGINS: _Batches(acts, RetentionRows.logins, RetentionRows.take_logins),
        RetentionRule.DELIVERIES: _Batches(acts, RetentionRows.messages, RetentionRows.take_messages),
        RetentionRule.AUDIT_PERSONAL: _Months(acts),
        RetentionRule.CONTROL_RESULTS: _Batches(
            acts, RetentionRows.control_runs, RetentionRows.take_control_runs, BATCH_OF_RUNS
        ),
        RetentionRule.NEVER_USED: _NeverUsed(erasure),
    }
    if terms.inactive is not None:
        found[RetentionRule.INACTIVE] = _Inactive(erasure, terms.inactive)
    return {rule: taker for rule, taker in found.items() if terms.of(rule) is not None}


@asynccontextmanager
async def _no_new_hold(acts: Acts) -> AsyncIterator[Act]:
    """A transaction in which nobody adds a hold."""
    async with acts.begin() as act:
        await act.holds.wait_for_none()
        yield act


_List = Callable[[RetentionRows, int, int], Awaitable[Sequence[object]]]
_Take = Callable[[RetentionRows, int, int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class _Batches:
    """Rows that nobody misses, until none is left: there may be millions."""

    acts: Acts
    list_rows: _List
    take_rows: _Take
    batch: int = BATCH
    is_planned: bool = False

    async def plan(self, act: Act, until: int, now: int) -> RetentionPlan:
        rows = await self.list_rows(act.retention, until, now)
        return RetentionPlan(until, now, [one.hex() if isinstance(one, bytes) else str(one) for one in rows])

    async def take(self, plan: RetentionPlan) -> int:
        taken = 0
        while True:
            async with _no_new_hold(self.acts) as act:
                of_batch = await self.take_rows(act.retention, plan.until, plan.now)
            taken += of_batch
            if of_batch < self.batch:
                return taken


@dataclass(frozen=True, slots=True)
class _Months:
    """Of the audit log."""

    acts: Acts
    is_planned: bool = True

    async def plan(self, act: Act, until: int, now: int) -> RetentionPlan:
        return RetentionPlan(until, now, await act.retention.months(until, now))

    async def take(self, plan: RetentionPlan) -> int:
        taken = 0
        for month in plan.ids:
            while True:  # before the key, by whose absence the next run passes the month over
                async with _no_new_hold(self.acts) as act:
                    if await act.retention.take_terms(month, plan.now) < BATCH:
                        break
            async with _no_new_hold(self.acts) as act:
                taken += await act.retention.destroy_month(month, plan.now)
        if plan.ids:
            with suppress(asyncpg.PostgresError):
                async with self.acts.pool.acquire() as connection:
                    await rewrite_period_keys(connection)
        return taken


async def _ids(act: Act, leavers: Sequence[Leaver]) -> list[str]:
    return [str(one) for one in without_last_owner(leavers, await act.admin_roles.count_owners())]


@dataclass(frozen=True, slots=True)
class _NeverUsed:
    """Erased; the leader finishes the steps of each erasure."""

    erasure: Erasure
    is_planned: bool = True

    async def plan(self, act: Act, until: int, now: int) -> RetentionPlan:
        return RetentionPlan(until, now, await _ids(act, await act.leavers.never_used(until, now)))

    async def take(self, plan: RetentionPlan) -> int:
        async def is_due(act: Act, user_id: UUID) -> bool:
            return bool(await act.leavers.never_used(plan.until, plan.now, user_id))

        return sum([await self.erasure.take(UUID(one), is_due) for one in plan.ids])


@dataclass(frozen=True, slots=True)
class _Inactive:
    """Whoever was told, and has not come back."""

    erasure: Erasure
    terms: InactiveTerms
    is_planned: bool = True

    async def plan(self, act: Act, until: int, now: int) -> RetentionPlan:
        untold = await act.leavers.untold(until + self.terms.notice_s, now, also_disabled=self._erases)
        due = await self._due(act, until, now)
        return RetentionPlan(until, now, await _ids(act, due), [str(one.user_id) for one in untold])

    async def take(self, plan: RetentionPlan) -> int:
        async def is_due(act: Act, user_id: UUID) -> bool:
            return bool(await self._due(act, plan.until, plan.now, user_id))

        for one in plan.untold:
            await self._tell(UUID(one), plan)
        if self._erases:
            return sum([await self.erasure.take(UUID(one), is_due) for one in plan.ids])
        acts, tag_key = self.erasure.acts, self.erasure.keys.tag
        return sum([await disable_inactive(acts, tag_key, UUID(one), is_due) for one in plan.ids])

    @property
    def _erases(self) -> bool:
        return self.terms.then == "erase"

    async def _due(self, act: Act, until: int, now: int, of: UUID | None = None) -> Sequence[Leaver]:
        told_until = now - self.terms.notice_s
        return await act.leavers.inactive(until, told_until, now, of, also_disabled=self._erases)

    async def _tell(self, user_id: UUID, plan: RetentionPlan) -> None:
        """Once, by mail where there is mail; the time runs for others too. Who is disabled could not come back."""
        warned_until, now = plan.until + self.terms.notice_s, plan.now
        async with self.erasure.acts.begin() as act:
            await act.users.lock(user_id)
            if not await act.leavers.untold(warned_until, now, user_id, also_disabled=self._erases):
                return
            await act.leavers.tell(user_id, now)
            user = await act.users.find(user_id)
            if user is not None and user.state == "active":
                day = datetime.fromtimestamp(now + self.terms.notice_s, UTC).strftime("%Y-%m-%d")
                facts = NoticeFacts(more=(("It ends on", day),))
                await self.erasure.notices.add(act, user, _LETTER[self.terms.then], facts)


_LETTER: Final = {"disable": MailKind.INACTIVE_DISABLED, "erase": MailKind.INACTIVE_ERASED}
