"""How requests are answered and why: /admin/decisions and /admin/policy/try as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from gateway.core.admin.acts import AdminAct
from gateway.core.analysis.condition_tree import ConditionTree
from gateway.core.analysis.explanation import ExplainedRoute, Explanation, limit_words
from gateway.core.policy.conditions import Truth
from gateway.flows.admin.decisions import AdminDecisions, NamedRefusal
from gateway.flows.admin.people import NobodyThere
from gateway.flows.admin.policy_view import AdminPolicy
from gateway.web.api.operation import AnyOperation, Call, Operation
from gateway.web.api.shapes import ApiAnswer, Before, Given, Nothing, whole

Words = Annotated[str, Field(max_length=2_000)]


class RefusalsAsked(Given):
    before: Before = 0


class TryGiven(Given):
    """A request that nobody sends. A person's own groups count where groups is empty."""

    method: Annotated[str, Field(pattern="^[A-Z]{1,32}$")] = "GET"
    url: Words
    user: Annotated[str, Field(max_length=320, description="Empty for nobody.")] = ""
    groups: tuple[Annotated[str, Field(pattern="^[^ ,]+$")], ...] = ()
    authenticated: Annotated[str, Field(max_length=40, description="How long ago, such as 10m.")] = ""
    mfa: Annotated[str, Field(max_length=40, description="How long ago, such as 10m; empty for never.")] = ""
    amr: tuple[str, ...] = ()
    risk: Annotated[int, Field(ge=0, le=100), BeforeValidator(whole)] | None = None
    address: Annotated[str, Field(max_length=64)] = ""
    at: Annotated[str, Field(max_length=40, description="UTC, such as 2026-12-24T18:00; empty for now.")] = ""


class Total(ApiAnswer):
    outcome: str
    hour: int
    day: int


class CountedAlike(Total):
    route: str
    reason: str


class DecisionsCountedNow(ApiAnswer):
    """Of the last hour and the last 24 hours. alike: the refused first, then the most frequent, 200 at most."""

    totals: tuple[Total, ...]
    alike: tuple[CountedAlike, ...]


class RefusalLine(ApiAnswer):
    """n: for how many alike it stands. person and username: null and empty for a stranger."""

    reference: str
    at: int
    person: UUID | None
    username: str
    route: str
    outcome: str
    reason: str
    n: int


class Refusals(ApiAnswer):
    """The newest first."""

    refusals: tuple[RefusalLine, ...]
    next: int | None = Field(description="`before` of the next page; null on the last.")


class ConditionShown(ApiAnswer):
    """text: each part with its truth."""

    text: str
    truth: Literal["yes", "no", "unknown"]
    file: str
    line: int


class LegShown(ConditionShown):
    """required: of the login. comes_to: what the leg alone would answer."""

    name: str
    required: str
    comes_to: str


class RouteShown(ApiAnswer):
    """ended: why a token does not go on."""

    name: str
    file: str
    line: int
    limits: str
    ended: str
    denials: tuple[ConditionShown, ...]
    legs: tuple[LegShown, ...]


class WhyShown(ApiAnswer):
    """By the policy of this version, with full budgets. routes: each that judges the request."""

    outcome: str
    status: int
    reason: str
    identity: str
    version: str
    routes: tuple[RouteShown, ...]


class RefusalWhy(ApiAnswer):
    """facts: of that moment; without path and origin for a role that may not read the policy's source. then: what the
    policy in force says of them. today: the same, for the person as they are; null where nobody knows who it was.
    """

    refusal: RefusalLine
    facts: Mapping[str, str]
    then: WhyShown
    today: WhyShown | None


@dataclass(frozen=True, slots=True)
class DecisionOperations:
    decisions: AdminDecisions
    policy: AdminPolicy

    def all(self) -> Sequence[AnyOperation]:
        look = AdminAct.LOOK
        return (
            Operation("getCounts", "GET", "/counts", "Count decisions", look, Nothing, DecisionsCountedNow, self.count),
            Operation(
                "listRefusals", "GET", "/refusals", "List kept refusals", look, RefusalsAsked, Refusals, self.list
            ),
            Operation(
                "getRefusal", "GET", "/refusals/{reference}", "Why was this refused?", look, Nothing, RefusalWhy,
                self.show,
            ),
            Operation("try", "POST", "/try", "Try a request", look, TryGiven, WhyShown, self.try_out),
        )  # fmt: skip

    async def count(self, _call: Call, _asked: Nothing) -> DecisionsCountedNow:
        found = await self.decisions.counted()
        return DecisionsCountedNow(
            totals=tuple(Total(outcome=outcome, hour=hour, day=day) for outcome, hour, day in found.totals),
            alike=tuple(
                CountedAlike(outcome=one.outcome, hour=one.hour, day=one.day, route=one.route, reason=one.reason)
                for one in found.kinds
            ),
        )

    async def list(self, _call: Call, asked: RefusalsAsked) -> Refusals:
        found = await self.decisions.refusals(asked.before)
        return Refusals(refusals=tuple(map(_refusal, found.samples)), next=found.before or None)

    async def show(self, call: Call, _asked: Nothing) -> RefusalWhy:
        found = await self.decisions.explain(call.path["reference"])
        if found is None:
            raise NobodyThere("no refusal with this reference is kept")
        return RefusalWhy(
            refusal=_refusal((found.sample, "" if found.person is None else found.person.username)),
            facts=found.facts_shown(raw=call.who.may(AdminAct.LOOK_SOURCE)),
            then=_why(found.then),
            today=None if found.today is None else _why(found.today),
        )

    async def try_out(self, _call: Call, given: TryGiven) -> WhyShown:
        fields = given.model_dump(exclude={"groups", "amr", "risk"})
        fields["groups"], fields["amr"] = " ".join(given.groups), " ".join(given.amr)
        fields["risk"] = "" if given.risk is None else str(given.risk)
        return _why(await self.policy.try_out(fields))


def _refusal(found: NamedRefusal) -> RefusalLine:
    one, username = found
    return RefusalLine(
        reference=one.request_id,
        at=one.at,
        person=one.subject,
        username=username,
        route=one.route,
        outcome=one.outcome,
        reason=one.reason,
        n=one.n,
    )


def _why(found: Explanation) -> WhyShown:
    simulated = found.simulated
    return WhyShown(
        outcome=simulated.outcome,
        status=simulated.status,
        reason=simulated.why,
        identity=simulated.identity,
        version=found.version,
        routes=tuple(map(_route, found.routes)),
    )


def _route(found: ExplainedRoute) -> RouteShown:
    place = found.route.place
    return RouteShown(
        name=found.route.name,
        file=place.file,
        line=place.line,
        limits=limit_words(found.route.limits),
        ended=found.ended,
        denials=tuple(
            ConditionShown(text=one.tree.text, truth=_truth(one.tree), file=one.place.file, line=one.place.line)
            for one in found.denials
        ),
        legs=tuple(
            LegShown(
                text=one.tree.text,
                truth=_truth(one.tree),
                file=one.place.file,
                line=one.place.line,
                name=one.name,
                required=one.required,
                comes_to=one.word,
            )
            for one in found.legs
        ),
    )


def _truth(tree: ConditionTree) -> Literal["yes", "no", "unknown"]:
    match tree.truth:
        case Truth.YES:
            return "yes"
        case Truth.NO:
            return "no"
        case _:
            return "unknown"
