"""Owns which people a policy names, and what it asks and nobody can meet: a group that no person has, a user whom
nobody is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.core.analysis.warning import PolicyWarning
from gateway.core.policy.conditions import Condition, Groups, Users, leaves
from gateway.core.policy.model import Policy
from gateway.core.policy.places import Place, did_you_mean
from gateway.core.policy.route import Route


@dataclass(frozen=True, slots=True)
class Directory:
    """All people that there are."""

    users: frozenset[str]
    groups: frozenset[str]


def without_person(policy: Policy, directory: Directory) -> tuple[PolicyWarning, ...]:
    """In the order of the files, each name once for each place that has it."""
    return tuple(
        sorted(
            {warning for place, condition in _conditions(policy) for warning in _unknown(place, condition, directory)}
        )
    )


def users_named(policy: Policy) -> frozenset[str]:
    """User names that a condition has as they are; who has one gets what it gives, or is kept out by it."""
    named = (leaf for _, condition in _conditions(policy) for leaf in leaves(condition) if isinstance(leaf, Users))
    return frozenset(name for leaf in named for name in leaf.names)


def _conditions(policy: Policy) -> set[tuple[Place, Condition]]:
    conditions = {one for route in policy.routes for one in _of_route(route)}
    conditions.update((leg.place, leg.condition) for client in policy.clients.values() for leg in client.access.legs)
    return conditions


def _of_route(route: Route) -> Iterator[tuple[Place, Condition]]:
    yield from ((leg.place, leg.condition) for leg in route.legs)
    yield from ((denial.place, denial.condition) for denial in route.denials)


def _unknown(place: Place, condition: Condition, directory: Directory) -> Iterator[PolicyWarning]:
    for leaf in leaves(condition):
        if isinstance(leaf, Groups):
            yield from _each(place, "has the group", leaf.names, directory.groups)
        elif isinstance(leaf, Users):
            yield from _each(place, "has the user name", leaf.names, directory.users)


def _each(place: Place, what: str, names: Iterable[str], known: frozenset[str]) -> Iterator[PolicyWarning]:
    for name in sorted(set(names) - known):
        yield PolicyWarning(place, "no-person", f"no person {what} `{name}`{did_you_mean(name, sorted(known))}")
