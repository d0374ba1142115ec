"""Tells people why a request is answered as it is, in lines for a terminal."""

from collections.abc import Iterator
from typing import Final

from gateway.core.analysis.condition_tree import tree_of
from gateway.core.analysis.explanation import (
    ExplainedRoute,
    Explanation,
    age_words,
    explanation,
    facts_of,
    limit_words,
    required_words,
    why_ended,
    word_of,
)
from gateway.core.analysis.simulate import Asked, Simulated
from gateway.core.assurance.model import OTP, PWD, UNKNOWN_RISK, amr_values
from gateway.core.assurance.words import score_words
from gateway.core.policy.facts import SESSION, Actor, Refused
from gateway.core.policy.model import Policy
from gateway.core.policy.route import API_KEY, BY_SESSION, CREDENTIALS, Routed

_DESTINATION: Final = "destination"


def explain(policy: Policy, asked: Asked) -> tuple[str, ...]:
    """Lines for a terminal. Budgets are full."""
    return tuple(_lines(policy, explanation(policy, asked)))


def reasons(policy: Policy, found: Routed, asked: Asked, app_tokens: frozenset[str]) -> tuple[str, ...]:
    """The conditions that decided: the denials that hold, else each leg. app_tokens: of Simulated."""
    facts = facts_of(policy, found, asked, app_tokens)
    fired = tuple(denial for denial in found.route.denials if denial.fires(facts))
    if fired:
        return tuple(f"deny ({denial.place}) {tree_of(denial.condition, facts).text}" for denial in fired)
    if (ended := why_ended(found.route, facts)) != "":
        return (ended,)
    return tuple(
        f"{leg.name} ({leg.place}) {tree_of(leg.condition, facts).text}"
        f"{_required(required_words(leg.require))} -> {word_of(leg, facts)}"
        for leg in found.route.legs
    )


def who(person: Actor | None, now: int) -> str:
    """In a few words, without the name."""
    return "not logged in" if person is None else ", ".join(_about(person, now))


def from_words(policy: Policy, asked: Asked) -> str:
    """From where it comes, with the networks that have it."""
    if asked.address is None:
        return "an unknown address"
    names = [name for name, network in policy.networks.items() if asked.address in network]
    return f"{asked.address}, in {', '.join(names) if names else 'no network'}"


def route_words(simulated: Simulated) -> str:
    """Where no route judges: why. "" where one does."""
    found = simulated.found
    if found is None:
        return simulated.route or "none"
    if isinstance(found, Refused):
        detail = f": {found.detail}" if found.detail else ""
        allow = f"   Allow: {', '.join(found.allow)}" if found.allow else ""
        return f"none, {found.reason}{detail}{allow}"
    return ""


def answer_words(simulated: Simulated) -> str:
    who = f"   as {simulated.identity}" if simulated.identity else ""
    why = f"   {simulated.why}" if simulated.why else ""
    return f"{simulated.outcome} {simulated.status}{who}{why}"


def _lines(policy: Policy, found: Explanation) -> Iterator[str]:
    asked, simulated = found.asked, found.simulated
    yield _line(
        "request", f"{asked.method} {asked.host} {_path(asked)}   kind {asked.kind}   from {from_words(policy, asked)}"
    )
    yield _line("person", _person(asked.person, asked.now))
    if (words := route_words(simulated)) != "":
        yield _line("route", words)
    if simulated.others:
        yield _line("", f"Destination {asked.headers[_DESTINATION]}, judged as {asked.method} and as PUT")
    for each in found.routes:
        yield from _route_lines(each)
    yield _line("answer", answer_words(simulated))
    yield from (_line("", f"{name}: {value}") for name, value in simulated.headers.items())
    yield _line("policy", found.version)


def _route_lines(found: ExplainedRoute) -> Iterator[str]:
    route = found.route
    captures = "".join(f"   {name} = {value}" for name, value in found.captures.items())
    yield _line("route", f"{route.name}   {', '.join(map(str, route.paths))}   {route.place}{captures}")
    if route.credentials != BY_SESSION:
        yield _line("accepts", ", ".join(one for one in CREDENTIALS if one in route.credentials))
    if found.ended:
        yield _line("client", f"{found.ended}   -> deny")
    yield from _numbered(
        "deny", [f"{one.tree.text}   -> {'deny' if one.fires else 'does not hold'}" for one in found.denials]
    )
    yield from _numbered(
        "allow",
        [
            f"{leg.name}: {leg.tree.text}{_required(leg.required, '  ')}   -> {leg.word}   {leg.place}"
            for leg in found.legs
        ],
    )
    yield _line("limits", limit_words(route.limits) or "none")
    if route.anonymous_limits != route.limits:
        yield _line("", f"{limit_words(route.anonymous_limits)}, without a session")
    if route.takes_tokens and route.token_limits != route.limits:
        yield _line("", f"{limit_words(route.token_limits)}, with a token")
    cors = route.cors if isinstance(route.cors, str) else route.cors.name
    yield _line("headers", f"{route.headers}   cors {cors}   cache {route.cache}")


def _numbered(title: str, texts: list[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield _line("" if number else title, text)
    if not texts:
        yield _line(title, "-")


def _required(words: str, gap: str = "") -> str:
    return f"{gap} require {words}" if words else ""


def _path(asked: Asked) -> str:
    path, mark, _query = asked.target.partition("?")
    return f"{path} (query not used)" if mark else path


def _person(person: Actor | None, now: int) -> str:
    return "an anonymous client" if person is None else "   ".join((person.user, *_about(person, now)))


def _about(person: Actor, now: int) -> tuple[str, ...]:
    proven = person.assurance
    mfa = f"second factor {age_words(now - proven.mfa_at)} ago" if proven.mfa_at else "no second factor"
    groups = " ".join(sorted(person.groups)) or "-"
    usual = proven.risk == UNKNOWN_RISK and proven.amr in (PWD, PWD | OTP)
    by = "" if usual else f", by {' '.join(amr_values(proven))}, risk {score_words(proven)}"
    logged_in = f"logged in {age_words(now - proven.authenticated_at)} ago, {mfa}{by}"
    if person.credential == SESSION:
        return f"groups {groups}", logged_in
    scopes = " ".join(sorted(person.scopes)) or "-"
    if person.credential == API_KEY:
        return f"groups {groups}", f"{API_KEY} with the scopes {scopes}"
    return f"groups {groups}", logged_in, f"{person.credential} of client {person.client}", f"scopes {scopes}"


def _line(title: str, text: str) -> str:
    return f"{title:<9}{text}"
