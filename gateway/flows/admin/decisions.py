"""What the console says of decisions: how many there were of each kind, and why one request was refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from gateway.core.analysis.explanation import Explanation, explanation
from gateway.core.analysis.refused import actor_of, actor_with, asked_of
from gateway.core.pictures.spans import TimeSpan
from gateway.core.policy.model import Policy
from gateway.flows.act import Acts
from gateway.flows.transaction import transaction
from gateway.stores.postgres.decision_counts import CountedKind, DecisionCounts, KindSince
from gateway.stores.postgres.refusals import RefusalRows, RefusalSample
from gateway.stores.postgres.users import UserRow

NamedRefusal: TypeAlias = "tuple[RefusalSample, str]"
PAGE: Final = 50
_LIMITED: Final = "limited"
_RAW: Final = ("path", "origin")


@dataclass(frozen=True, slots=True)
class DecisionsCounted:
    """totals: outcome, in the last hour, in the last day."""

    totals: Sequence[tuple[str, int, int]]
    kinds: Sequence[CountedKind]


@dataclass(frozen=True, slots=True)
class DecisionsOver:
    """times: when each step of the span begins. series: by outcome, a number for each step.

    kinds: the refused first.
    """

    span: TimeSpan
    times: Sequence[int]
    series: Mapping[str, Sequence[int]]
    kinds: Sequence[KindSince]


@dataclass(frozen=True, slots=True, repr=False)
class RefusalsKeptPage:
    """The newest first, each with its person's name, "" for a stranger. before: for the next page, 0 on the last."""

    samples: Sequence[NamedRefusal]
    before: int


@dataclass(frozen=True, slots=True, repr=False)
class RefusalExplained:
    """then: the facts of that moment, judged by the policy in force. today: the same request, by the person as they are
    now; None: nobody knows who it was, or a limit refused it before anybody asked. repr is left out: see facts.
    """

    sample: RefusalSample
    facts: Mapping[str, str]
    person: UserRow | None
    then: Explanation
    today: Explanation | None

    @property
    def was_limited(self) -> bool:
        return self.sample.outcome == _LIMITED

    def facts_shown(self, *, raw: bool) -> Mapping[str, str]:
        """raw: also what an address may hold of names and tokens (ui.md U13)."""
        return {name: text for name, text in self.facts.items() if raw or name not in _RAW}


@dataclass(frozen=True, slots=True)
class AdminDecisions:
    """All of it raises RecordUnavailable. policy: the one in force in this worker."""

    acts: Acts
    policy: Callable[[], Policy]

    async def counted(self) -> DecisionsCounted:
        async with transaction(self.acts.pool) as connection:
            counts, now = DecisionCounts(connection), self.acts.clock()
            return DecisionsCounted(await counts.totals(now), await counts.kinds(now))

    async def over(self, span: TimeSpan) -> DecisionsOver:
        """How many there were of each kind, and of each outcome in each step."""
        now = self.acts.clock()
        since = span.times(now)[0]
        async with transaction(self.acts.pool) as connection:
            counts = DecisionCounts(connection)
            steps = await counts.steps_since(since, span.step_s)
            kinds = await counts.kinds_since(since, span.step_s)
        return DecisionsOver(span, span.times(now), span.sorted_in(now, steps), kinds)

    async def refusals(self, before: int = 0) -> RefusalsKeptPage:
        """before: of the page before, 0 for the newest."""
        async with transaction(self.acts.pool) as connection:
            found = await RefusalRows(connection, self.acts.vault).latest(PAGE + 1, before)
        page = found[:PAGE]
        names = await self._names({one.subject for one in page if one.subject is not None})
        return RefusalsKeptPage([(one, _name(one, names)) for one in page], page[-1].id if len(found) > PAGE else 0)

    async def is_kept(self, reference: str) -> bool:
        async with transaction(self.acts.pool) as connection:
            return await RefusalRows(connection, self.acts.vault).has(reference)

    async def explain(self, reference: str) -> RefusalExplained | None:
        """None: it was not kept."""
        async with transaction(self.acts.pool) as connection:
            found = await RefusalRows(connection, self.acts.vault).find(reference)
        if found is None:
            return None
        sample, facts = found
        person = None
        if sample.subject is not None:
            async with self.acts.begin() as act:
                person = await act.users.find(sample.subject)
        then = actor_of(facts)
        asked, policy = asked_of(facts, then, sample.at), self.policy()
        today = None
        if person is not None and sample.outcome != _LIMITED:
            actor = actor_with(then, person.username, frozenset(person.groups))
            today = explanation(policy, asked_of(facts, actor, self.acts.clock()))
        return RefusalExplained(sample, facts, person, explanation(policy, asked), today)

    async def _names(self, subjects: set[UUID]) -> Mapping[UUID, str]:
        names = dict[UUID, str]()
        async with self.acts.begin() as act:
            for one in subjects:
                user = await act.users.find(one)
                if user is not None:
                    names[one] = user.username
        return names


def _name(sample: RefusalSample, names: Mapping[UUID, str]) -> str:
    return "" if sample.subject is None else names.get(sample.subject, "")
