"""Tells people why a request is answered as it is."""

from collections.abc import Iterator
from typing import Final

from gateway.core.analysis.simulate import Asked, Simulated, Simulation
from gateway.core.assurance.model import METHODS, NO_PROOF, OTP, PWD, UNKNOWN_RISK, amr_values
from gateway.core.assurance.words import score_words
from gateway.core.policy.conditions import (
    All,
    Any,
    Anyone,
    Authenticated,
    BringsToken,
    Clients,
    Condition,
    Groups,
    Networks,
    Nobody,
    Not,
    Scopes,
    Truth,
    Until,
    Users,
)
from gateway.core.policy.facts import SESSION, Actor, Allow, Deny, Facts, Login, Refused, StepUp
from gateway.core.policy.model import Policy
from gateway.core.policy.route import API_KEY, BY_SESSION, CREDENTIALS, Leg, Require, Route, Routed
from gateway.core.ratelimit.gcra import Limit
from gateway.core.units import DAY_S, HOUR_S, MINUTE_S

_SAID: Final = {Truth.YES: "yes", Truth.NO: "no", Truth.ASK: "not known yet", Truth.NOWHERE: "address not known"}
_WORDS: Final = {Allow: "allow", StepUp: "step_up", Login: "login", Deny: "deny", type(None): "deny"}
_DESTINATION: Final = "destination"


def explain(policy: Policy, asked: Asked) -> tuple[str, ...]:
    """Lines for a terminal. Budgets are full."""
    return tuple(_lines(policy, asked))


def reasons(policy: Policy, found: Routed, asked: Asked, app_tokens: frozenset[str]) -> tuple[str, ...]:
    """The conditions that decided: the denials that hold, else each leg. app_tokens: of Simulated."""
    facts = _facts(policy, found, asked, app_tokens)
    fired = tuple(denial for denial in found.route.denials if denial.fires(facts))
    if fired:
        return tuple(f"deny ({denial.place}) {described(denial.condition, facts)}" for denial in fired)
    if (ended := _ended(found.route, facts)) != "":
        return (ended,)
    return tuple(
        f"{leg.name} ({leg.place}) {described(leg.condition, facts)}{_required(leg)} -> {_word(leg, facts)}"
        for leg in found.route.legs
    )


def who(person: Actor | None, now: int) -> str:
    """In a few words, without the name."""
    return "not logged in" if person is None else ", ".join(_about(person, now))


def _lines(policy: Policy, asked: Asked) -> Iterator[str]:
    yield _line(
        "request", f"{asked.method} {asked.host} {_path(asked)}   kind {asked.kind}   from {_from(policy, asked)}"
    )
    yield _line("person", _person(asked.person, asked.now))
    simulated = Simulation(policy).answer(asked)
    found = simulated.found
    if found is None:
        yield _line("route", simulated.route or "none")
    elif isinstance(found, Refused):
        detail = f": {found.detail}" if found.detail else ""
        allow = f"   Allow: {', '.join(found.allow)}" if found.allow else ""
        yield _line("route", f"none, {found.reason}{detail}{allow}")
    if simulated.others:
        yield _line("", f"Destination {asked.headers[_DESTINATION]}, judged as {asked.method} and as PUT")
    for each in simulated.judging:
        yield from _route_lines(each, _facts(policy, each, asked, simulated.app_tokens))
    yield _line("answer", _answer(simulated))
    yield from (_line("", f"{name}: {value}") for name, value in simulated.headers.items())
    yield _line("policy", policy.version)


def _route_lines(found: Routed, facts: Facts) -> Iterator[str]:
    route = found.route
    captures = "".join(f"   {name} = {value}" for name, value in found.captures.items())
    yield _line("route", f"{route.name}   {', '.join(map(str, route.paths))}   {route.place}{captures}")
    if route.credentials != BY_SESSION:
        yield _line("accepts", ", ".join(one for one in CREDENTIALS if one in route.credentials))
    if (ended := _ended(route, facts)) != "":
        yield _line("client", f"{ended}   -> deny")
    yield from _numbered("deny", [_denial(facts, denial.condition) for denial in route.denials])
    yield from _numbered("allow", [_leg(facts, leg) for leg in route.legs])
    yield _line("limits", _limits(route.limits) or "none")
    if route.anonymous_limits != route.limits:
        yield _line("", f"{_limits(route.anonymous_limits)}, without a session")
    if route.takes_tokens and route.token_limits != route.limits:
        yield _line("", f"{_limits(route.token_limits)}, with a token")
    cors = route.cors if isinstance(route.cors, str) else route.cors.name
    yield _line("headers", f"{route.headers}   cors {cors}   cache {route.cache}")


def _facts(policy: Policy, found: Routed, asked: Asked, app_tokens: frozenset[str]) -> Facts:
    """As the decision has them."""
    person = _as_judged(policy, asked.person, asked.now)
    return found.route.accepted(Facts(person, asked.address, asked.now, found.captures, app_tokens))


def _as_judged(policy: Policy, person: Actor | None, now: int) -> Actor | None:
    """By an API key: it proves nothing more than who, and has of its scopes those that its person may give."""
    if person is None or person.credential != API_KEY:
        return person
    scopes = policy.key_scopes.of(person.scopes, person, now)
    return Actor(person.user, person.groups, NO_PROOF, API_KEY, "", scopes)


def _ended(route: Route, facts: Facts) -> str:
    """Why a token does not go on, "" where it does or is none."""
    person = facts.person
    if person is None or person.credential in (SESSION, API_KEY) or route.lets_go_on(person, facts.now):
        return ""
    return f"client {person.client} is not declared, or its allow is not for {person.user} any more"


def _numbered(title: str, texts: list[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield _line("" if number else title, text)
    if not texts:
        yield _line(title, "-")


def _denial(facts: Facts, condition: Condition) -> str:
    fires = condition.holds(facts) in (Truth.YES, Truth.NOWHERE)
    return f"{described(condition, facts)}   -> {'deny' if fires else 'does not hold'}"


def _leg(facts: Facts, leg: Leg) -> str:
    require = f"  {required}" if (required := _required(leg)) else ""
    return f"{leg.name}: {described(leg.condition, facts)}{require}   -> {_word(leg, facts)}   {leg.place}"


def _word(leg: Leg, facts: Facts) -> str:
    if facts.person is not None and facts.person.credential != SESSION and leg.people and not leg.tokens:
        return "not for tokens"
    return _WORDS[type(leg.judge(facts))]


def _required(leg: Leg) -> str:
    return f" require {_require(leg.require)}" if leg.require != Require() else ""


def described(condition: Condition, facts: Facts) -> str:
    """The condition, each leaf with its truth."""
    match condition:
        case All(parts):
            return " and ".join(described(part, facts) for part in parts)
        case Any(parts):
            return f"({' or '.join(described(part, facts) for part in parts)})"
        case Not(part):
            return f"not ({described(part, facts)})"
        case _:
            return f"{_leaf(condition)}: {_SAID[condition.holds(facts)]}"


def _leaf(
    condition: Anyone | Nobody | Authenticated | Users | Groups | Clients | Scopes | Networks | BringsToken | Until,
) -> str:
    match condition:
        case Anyone():
            return "anyone"
        case Nobody():
            return "nobody"
        case Authenticated():
            return "authenticated"
        case Users(names, captured) | Groups(names, captured):
            kind = "users" if isinstance(condition, Users) else "groups"
            return f"{kind} {' '.join([*sorted(names), *(f'{{{name}}}' for name in captured)])}"
        case Clients(names):
            return f"clients {' '.join(sorted(names))}"
        case Scopes(names):
            return f"scopes {' '.join(sorted(names))}"
        case Networks(names):
            return f"networks {' '.join(names)}"
        case BringsToken(token):
            return f"app token {token.name}"
        case Until(day):
            return f"until {day}"


def _require(require: Require) -> str:
    within = f"authenticated within {_age(require.authenticated_within_s)}" if require.authenticated_within_s else ""
    amr = f"amr {' '.join(name for name, bit in METHODS.items() if require.amr & bit)}" if require.amr else ""
    below = f"risk below {require.risk_below}" if require.risk_below else ""
    parts = ("mfa" if require.mfa else "", within, amr, below, "dpop" if require.dpop else "")
    return ", ".join(part for part in parts if part)


def _limits(limits: tuple[Limit, ...]) -> str:
    return ", ".join(
        f"{limit.name} {limit.count} in {_age(limit.period_us // 1_000_000)} per {limit.per.value}" for limit in limits
    )


def _answer(simulated: Simulated) -> str:
    who = f"   as {simulated.identity}" if simulated.identity else ""
    why = f"   {simulated.why}" if simulated.why else ""
    return f"{simulated.outcome} {simulated.status}{who}{why}"


def _path(asked: Asked) -> str:
    path, mark, _query = asked.target.partition("?")
    return f"{path} (query not used)" if mark else path


def _from(policy: Policy, asked: Asked) -> str:
    if asked.address is None:
        return "an unknown address"
    names = [name for name, network in policy.networks.items() if asked.address in network]
    return f"{asked.address}, in {', '.join(names) if names else 'no network'}"


def _person(person: Actor | None, now: int) -> str:
    return "an anonymous client" if person is None else "   ".join((person.user, *_about(person, now)))


def _about(person: Actor, now: int) -> tuple[str, ...]:
    proven = person.assurance
    mfa = f"second factor {_age(now - proven.mfa_at)} ago" if proven.mfa_at else "no second factor"
    groups = " ".join(sorted(person.groups)) or "-"
    usual = proven.risk == UNKNOWN_RISK and proven.amr in (PWD, PWD | OTP)
    by = "" if usual else f", by {' '.join(amr_values(proven))}, risk {score_words(proven)}"
    logged_in = f"logged in {_age(now - proven.authenticated_at)} ago, {mfa}{by}"
    if person.credential == SESSION:
        return f"groups {groups}", logged_in
    scopes = " ".join(sorted(person.scopes)) or "-"
    if person.credential == API_KEY:
        return f"groups {groups}", f"{API_KEY} with the scopes {scopes}"
    return f"groups {groups}", logged_in, f"{person.credential} of client {person.client}", f"scopes {scopes}"


def _age(seconds: int) -> str:
    for unit_s, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if seconds >= unit_s and seconds % unit_s == 0:
            return f"{seconds // unit_s}{unit}"
    return f"{seconds}s"


def _line(title: str, text: str) -> str:
    return f"{title:<9}{text}"
