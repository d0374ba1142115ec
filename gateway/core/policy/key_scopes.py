"""Owns which scopes an API key can have: who may give it each, which is asked again at every decision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.core.policy.conditions import Condition, Truth
from gateway.core.policy.facts import Actor, Facts


@dataclass(frozen=True, slots=True)
class KeyScopes:
    """By scope the conditions on people of which one has to hold; a scope without any is no key's."""

    given_by: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)

    def of(self, scopes: Iterable[str], person: Actor, now: int) -> frozenset[str]:
        """Those that the person may give a key now. So a group that is taken away takes scopes from keys (X4)."""
        facts = Facts(person, None, now)
        return frozenset(
            scope
            for scope in scopes
            if any(condition.holds(facts) is Truth.YES for condition in self.given_by.get(scope, ()))
        )

    def choice(self, person: Actor, now: int) -> tuple[str, ...]:
        """All that the person may give, sorted."""
        return tuple(sorted(self.of(self.given_by, person, now)))
