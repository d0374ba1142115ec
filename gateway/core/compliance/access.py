"""Decides which routes a person's groups open, for whoever reviews their access."""

from collections import defaultdict
from functools import partial

from gateway.core.assurance.model import NO_PROOF
from gateway.core.policy.conditions import Truth
from gateway.core.policy.facts import Actor, Facts
from gateway.core.policy.model import Policy
from gateway.core.policy.route import Route

_OPENS = frozenset({Truth.YES, Truth.NOWHERE})


def opens(policy: Policy, user: str, groups: tuple[str, ...], now: int) -> tuple[str, ...]:
    """Names of routes, sorted, as app/route. Those that depend on the address or on a further proof count as open.

    Routes for anyone are left out: nobody's groups open them. now: Unix seconds.
    """
    person = Actor(user, frozenset(groups), NO_PROOF)
    return tuple(sorted({route.name for route in policy.routes if _lets_in(route, person, now)}))


def _lets_in(route: Route, person: Actor, now: int) -> bool:
    """A part of the path that has to be the name of the person or of a group may be any of theirs."""
    for name in (person.user, *sorted(person.groups)):
        facts = Facts(person, None, now, defaultdict(partial(str, name)))
        is_denied = any(denial.condition.holds(facts) is Truth.YES for denial in route.denials)
        if not is_denied and any(leg.people and leg.condition.holds(facts) in _OPENS for leg in route.legs):
            return True
    return False
