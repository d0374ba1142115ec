"""Runs the rules of retention: the leader once a day, an operator when they like, and as a dry run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.document_events import RetentionApproved, RetentionRan, RetentionStopped
from gateway.core.errors import GatewayError
from gateway.core.privacy.retention import RetentionRule, RetentionTerms, is_too_many, young
from gateway.core.units import DAY_S
from gateway.flows.act import Act, Acts
from gateway.flows.privacy.erasure import Erasure
from gateway.flows.privacy.retention_rules import RetentionPlan, Taker, takers
from gateway.stores.postgres.retention import RetentionRun


@dataclass(frozen=True, slots=True)
class Excess:
    """Why a run takes nothing. wanted: how many an operator can approve; 0: none."""

    wanted: int
    why: str


_AHEAD: Final = Excess(0, "the log has entries of the future")


class NothingStopped(GatewayError):
    """There is no run that waits for an approval."""


@dataclass(frozen=True, slots=True)
class WouldTake:
    """until: what is as old as this, in Unix seconds, is too old; None: the rule is off. stops: why a run would take
    nothing of it; "" where it would.
    """

    rule: RetentionRule
    until: int | None
    plan: RetentionPlan
    stops: str = ""

    @property
    def count(self) -> int:
        return len(self.plan.ids)


@dataclass(frozen=True, slots=True)
class Retention:
    """count: hears what a rule took. All of it raises RecordUnavailable."""

    erasure: Erasure
    terms: RetentionTerms
    count: Callable[[str, int], None] = lambda _rule, _taken: None

    @property
    def _acts(self) -> Acts:
        return self.erasure.acts

    async def dry_run(self) -> Sequence[WouldTake]:
        """What run() would take now."""
        found, on = [], takers(self.erasure, self.terms)
        for rule in RetentionRule:
            if rule not in on:
                found.append(WouldTake(rule, None, RetentionPlan(0, 0)))
                continue
            async with self._acts.begin() as act:
                now = await act.retention.now()
                until = self._until(rule, now)
                plan = await on[rule].plan(act, until, now)
                excess = await _excess(act, rule, plan)
            found.append(WouldTake(rule, until, plan, "" if excess is None else excess.why))
        return found

    async def run(self, rules: Sequence[RetentionRule] = tuple(RetentionRule)) -> Sequence[RetentionRun]:
        """Each batch is a transaction of its own, so that a kill loses none and the next run goes on."""
        on = takers(self.erasure, self.terms)
        return [await self._run(rule, on[rule]) for rule in rules if rule in on]

    async def work(self) -> None:
        """The leader's round: once a day, and what an operator has approved at once."""
        async with self._acts.begin() as act:
            now, last = await act.retention.now(), await act.retention.last_runs()
            approved = await act.retention.approved()
        is_due = not last or max(one.at for one in last) <= now - DAY_S
        await self.run(tuple(rule for rule in RetentionRule if is_due or rule in approved))

    async def status(self) -> Sequence[RetentionRun]:
        """Of each rule the last run."""
        async with self._acts.begin() as act:
            return await act.retention.last_runs()

    async def approve(self, rule: RetentionRule, operator: str) -> int:
        """How many the next run may take. Raises NothingStopped."""
        async with self._acts.begin(operator=operator) as act:
            wanted = await act.retention.approve(rule, operator, act.now)
            if wanted is None:
                raise NothingStopped(f"nothing of {rule.value} waits for an approval; `bastion retention status` shows")
            act.record(RetentionApproved(None, rule.value, wanted))
        return wanted

    async def _run(self, rule: RetentionRule, taker: Taker) -> RetentionRun:
        async with self._acts.begin() as act:
            now = await act.retention.now()
            until = self._until(rule, now)
            plan = await taker.plan(act, until, now) if taker.is_planned else RetentionPlan(until, now)
            excess = await _excess(act, rule, plan)
        if excess is None:
            run = RetentionRun(rule, now, await taker.take(plan), "")
        else:
            run = RetentionRun(rule, now, 0, excess.why, excess.wanted)
        async with self._acts.begin() as act:
            await act.retention.add_run(run)
            if excess is not None:
                why, wanted = ("brake", excess.wanted) if excess.wanted else ("clock", None)
                act.record(RetentionStopped(None, rule.value, why, wanted))
            elif run.taken:
                act.record(RetentionRan(None, rule.value, run.taken, until))
        self.count(rule.value, run.taken)
        return run

    def _until(self, rule: RetentionRule, now: int) -> int:
        kept_s = self.terms.of(rule)
        assert kept_s is not None
        return now - kept_s


async def _excess(act: Act, rule: RetentionRule, plan: RetentionPlan) -> Excess | None:
    """The brake: what a typo, or a clock that was set ahead, would take at once. None: the run may go on."""
    if await act.retention.is_ahead():
        return _AHEAD
    approved = (await act.retention.approved()).get(rule, 0)
    if rule is RetentionRule.AUDIT_PERSONAL:
        last = await act.retention.last_good(rule)
        months = young(plan.ids, plan.now if last is None else min(last, plan.now))
        return (
            Excess(len(months), f"{', '.join(months)} may be younger than 30 days") if len(months) > approved else None
        )
    wanted, people = len(plan.ids) + len(plan.untold), await act.leavers.count_people()
    if not rule.is_of_people or not is_too_many(wanted - approved, people):
        return None
    return Excess(wanted, f"it would take or tell {wanted} of {people} people")
