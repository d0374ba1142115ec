"""Runs the rules of retention: the leader once a day, an operator when they like, and as a dry run."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.core.audit.document_events import RetentionRan, RetentionStopped
from gateway.core.privacy.retention import RetentionRule, RetentionTerms
from gateway.core.units import DAY_S
from gateway.flows.act import Acts
from gateway.flows.transaction import transaction
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.holds import Holds
from gateway.stores.postgres.retention import BATCH, RetentionRows, RetentionRun, rewrite_period_keys

_AHEAD: Final = "the log has entries of the future"


@dataclass(frozen=True, slots=True)
class WouldTake:
    """until: what is as old as this, in Unix seconds, is too old; None: the rule is off."""

    rule: RetentionRule
    until: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Retention:
    """count: hears what a rule took. All of it raises RecordUnavailable."""

    acts: Acts
    terms: RetentionTerms
    count: Callable[[str, int], None] = lambda _rule, _taken: None

    async def dry_run(self) -> Sequence[WouldTake]:
        """What run() would take now."""
        found = []
        async with transaction(self.acts.pool) as connection:
            rows = RetentionRows(connection)
            now = await rows.now()
            for rule in RetentionRule:
                until = self._until(rule, now)
                if until is None:
                    found.append(WouldTake(rule, None, 0))
                elif rule is RetentionRule.ENDED_LOGINS:
                    found.append(WouldTake(rule, until, await rows.count_logins(until, now)))
                else:
                    found.append(WouldTake(rule, until, len(await rows.months(until, now))))
        return found

    async def run(self) -> Sequence[RetentionRun]:
        """Each batch is a transaction of its own, so that a kill loses none and the next run goes on."""
        done = []
        for rule in RetentionRule:
            async with transaction(self.acts.pool) as connection:
                rows = RetentionRows(connection)
                now, stopped = await rows.now(), _AHEAD if await rows.is_ahead() else ""
            until = self._until(rule, now)
            if until is None:
                continue
            taken = 0 if stopped else await self._take(rule, until, now)
            run = RetentionRun(rule, now, taken, stopped)
            async with self.acts.begin() as act:
                await act.retention.add_run(run)
                if stopped:
                    act.record(RetentionStopped(None, rule.value, "clock"))
                elif taken:
                    act.record(RetentionRan(None, rule.value, taken, until))
            self.count(rule.value, taken)
            done.append(run)
        return done

    async def work(self) -> None:
        """The leader's round: once a day."""
        async with transaction(self.acts.pool) as connection:
            rows = RetentionRows(connection)
            now, last = await rows.now(), await rows.last_runs()
        if not last or max(one.at for one in last) <= now - DAY_S:
            await self.run()

    async def status(self) -> Sequence[RetentionRun]:
        async with transaction(self.acts.pool) as connection:
            return await RetentionRows(connection).last_runs()

    async def _take(self, rule: RetentionRule, until: int, now: int) -> int:
        return await (self._logins(until, now) if rule is RetentionRule.ENDED_LOGINS else self._months(until, now))

    async def _logins(self, until: int, now: int) -> int:
        taken = 0
        while True:
            async with self._no_new_hold() as connection:
                batch = await RetentionRows(connection).take_logins(until, now)
            taken += batch
            if batch < BATCH:
                return taken

    async def _months(self, until: int, now: int) -> int:
        async with transaction(self.acts.pool) as connection:
            months = await RetentionRows(connection).months(until, now)
        taken = 0
        for month in months:
            while True:  # before the key, by whose absence the next run passes the month over
                async with self._no_new_hold() as connection:
                    if await RetentionRows(connection).take_terms(month, now) < BATCH:
                        break
            async with self._no_new_hold() as connection:
                taken += await RetentionRows(connection).destroy_month(month, now)
        if months:
            with suppress(asyncpg.PostgresError):
                async with self.acts.pool.acquire() as connection:
                    await rewrite_period_keys(connection)
        return taken

    @asynccontextmanager
    async def _no_new_hold(self) -> AsyncIterator[AnyConnection]:
        """A transaction in which nobody adds a hold."""
        async with transaction(self.acts.pool) as connection:
            await Holds(connection, self.acts.vault).wait_for_none()
            yield connection

    def _until(self, rule: RetentionRule, now: int) -> int | None:
        kept_s = self.terms.of(rule)
        return None if kept_s is None else now - kept_s
