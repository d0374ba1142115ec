"""Why a request is answered as it is, as a value: a terminal prints it (explain.py), the console draws it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.analysis.condition_tree import ConditionTree, tree_of
from gateway.core.analysis.simulate import Asked, Simulated, Simulation
from gateway.core.assurance.model import METHODS, NO_PROOF
from gateway.core.policy.facts import SESSION, Actor, Allow, Deny, Facts, Login, StepUp
from gateway.core.policy.model import Policy
from gateway.core.policy.places import Place
from gateway.core.policy.route import API_KEY, Leg, Require, Route, Routed
from gateway.core.ratelimit.gcra import Limit
from gateway.core.units import DAY_S, HOUR_S, MINUTE_S

_WORDS: Final = {Allow: "allow", StepUp: "step_up", Login: "login", Deny: "deny", type(None): "deny"}


@dataclass(frozen=True, slots=True)
class ExplainedDenial:
    tree: ConditionTree
    place: Place
    fires: bool


@dataclass(frozen=True, slots=True)
class ExplainedLeg:
    """required: "" for nothing. word: what it comes to."""

    name: str
    tree: ConditionTree
    required: str
    place: Place
    word: str


@dataclass(frozen=True, slots=True)
class ExplainedRoute:
    """ended: why a token does not go on, "" where it does or is none."""

    route: Route
    captures: Mapping[str, str]
    ended: str
    denials: tuple[ExplainedDenial, ...]
    legs: tuple[ExplainedLeg, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """routes: each that judges the request, the path's first. Budgets are full."""

    asked: Asked
    simulated: Simulated
    routes: tuple[ExplainedRoute, ...]
    version: str


def explanation(policy: Policy, asked: Asked) -> Explanation:
    simulated = Simulation(policy).answer(asked)
    routes = tuple(_route(one, facts_of(policy, one, asked, simulated.app_tokens)) for one in simulated.judging)
    return Explanation(asked, simulated, routes, policy.version)


def _route(found: Routed, facts: Facts) -> ExplainedRoute:
    route = found.route
    denials = tuple(
        ExplainedDenial(tree_of(one.condition, facts), one.place, one.fires(facts)) for one in route.denials
    )
    legs = tuple(
        ExplainedLeg(
            leg.name, tree_of(leg.condition, facts), required_words(leg.require), leg.place, word_of(leg, facts)
        )
        for leg in route.legs
    )
    return ExplainedRoute(route, found.captures, why_ended(route, facts), denials, legs)


def facts_of(policy: Policy, found: Routed, asked: Asked, app_tokens: frozenset[str]) -> Facts:
    """As the decision has them. app_tokens: of Simulated."""
    person = _as_judged(policy, asked.person, asked.now)
    return found.route.accepted(Facts(person, asked.address, asked.now, found.captures, app_tokens))


def _as_judged(policy: Policy, person: Actor | None, now: int) -> Actor | None:
    """By an API key: it proves nothing more than who, and has of its scopes those that its person may give."""
    if person is None or person.credential != API_KEY:
        return person
    scopes = policy.key_scopes.of(person.scopes, person, now)
    return Actor(person.user, person.groups, NO_PROOF, API_KEY, "", scopes)


def why_ended(route: Route, facts: Facts) -> str:
    """Why a token does not go on, "" where it does or is none."""
    person = facts.person
    if person is None or person.credential in (SESSION, API_KEY) or route.lets_go_on(person, facts.now):
        return ""
    return f"client {person.client} is not declared, or its allow is not for {person.user} any more"


def word_of(leg: Leg, facts: Facts) -> str:
    if facts.person is not None and facts.person.credential != SESSION and leg.people and not leg.tokens:
        return "not for tokens"
    return _WORDS[type(leg.judge(facts))]


def required_words(require: Require) -> str:
    """What a login has to have proven, "" for nothing."""
    within = (
        f"authenticated within {age_words(require.authenticated_within_s)}" if require.authenticated_within_s else ""
    )
    amr = f"amr {' '.join(name for name, bit in METHODS.items() if require.amr & bit)}" if require.amr else ""
    below = f"risk below {require.risk_below}" if require.risk_below else ""
    parts = ("mfa" if require.mfa else "", within, amr, below, "dpop" if require.dpop else "")
    return ", ".join(part for part in parts if part)


def limit_words(limits: tuple[Limit, ...]) -> str:
    return ", ".join(
        f"{limit.name} {limit.count} in {age_words(limit.period_us // 1_000_000)} per {limit.per.value}"
        for limit in limits
    )


def age_words(seconds: int) -> str:
    for unit_s, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if seconds >= unit_s and seconds % unit_s == 0:
            return f"{seconds // unit_s}{unit}"
    return f"{seconds}s"
