"""Owns when a condition of `allow` or `deny` holds: four-valued, so that what is not known never opens a door."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.core.policy.app_tokens import AppToken
from gateway.core.policy.facts import Facts
from gateway.core.policy.networks import NetworkSet


class Truth(IntEnum):
    """Ordered so that `all` is the least and `any` the greatest; `not` turns the ends and leaves the middle."""

    NO = 0
    NOWHERE = 1  # the address is not known, and no login changes that
    ASK = 2  # a stranger: it depends on who they are
    YES = 3


NO, NOWHERE, ASK, YES = Truth.NO, Truth.NOWHERE, Truth.ASK, Truth.YES
_OPPOSITE: Final = {NO: YES, NOWHERE: NOWHERE, ASK: ASK, YES: NO}


@dataclass(frozen=True, slots=True)
class Anyone:
    def holds(self, _facts: Facts) -> Truth:
        return YES


@dataclass(frozen=True, slots=True)
class Nobody:
    def holds(self, _facts: Facts) -> Truth:
        return NO


@dataclass(frozen=True, slots=True)
class Authenticated:
    def holds(self, facts: Facts) -> Truth:
        return ASK if facts.person is None else YES


@dataclass(frozen=True, slots=True)
class Users:
    """captured: names of captures whose value is the user's name."""

    names: frozenset[str]
    captured: tuple[str, ...] = ()

    def holds(self, facts: Facts) -> Truth:
        if facts.person is None:
            return ASK
        user = facts.person.user
        return YES if user in self.names or any(facts.captures[name] == user for name in self.captured) else NO


@dataclass(frozen=True, slots=True)
class Groups:
    """Any of them. captured: names of captures whose value is a group's name."""

    names: frozenset[str]
    captured: tuple[str, ...] = ()

    def holds(self, facts: Facts) -> Truth:
        if facts.person is None:
            return ASK
        groups = facts.person.groups
        if not self.names.isdisjoint(groups):
            return YES
        return YES if any(facts.captures[name] in groups for name in self.captured) else NO


@dataclass(frozen=True, slots=True)
class Clients:
    """A token of any of them; no session is one."""

    names: frozenset[str]

    def holds(self, facts: Facts) -> Truth:
        if facts.person is None:
            return ASK
        return YES if facts.person.client in self.names else NO


@dataclass(frozen=True, slots=True)
class Scopes:
    """A token with all of them; a session has none."""

    names: frozenset[str]

    def holds(self, facts: Facts) -> Truth:
        if facts.person is None:
            return ASK
        return YES if self.names <= facts.person.scopes else NO


@dataclass(frozen=True, slots=True)
class Networks:
    """names: as the policy has them."""

    names: tuple[str, ...]
    addresses: NetworkSet

    def holds(self, facts: Facts) -> Truth:
        if facts.address is None:
            return NOWHERE
        return YES if facts.address in self.addresses else NO


@dataclass(frozen=True, slots=True)
class BringsToken:
    """A credential of the app's own is there. Anybody can write one, so this is no condition on people."""

    token: AppToken

    def holds(self, facts: Facts) -> Truth:
        return YES if self.token.name in facts.app_tokens else NO


@dataclass(frozen=True, slots=True)
class Until:
    """day: YYYY-MM-DD, the last on which it holds; ends_at: the first second after it, in UTC."""

    day: str
    ends_at: int

    def holds(self, facts: Facts) -> Truth:
        return YES if facts.now < self.ends_at else NO


@dataclass(frozen=True, slots=True)
class All:
    parts: "tuple[Condition, ...]"

    def holds(self, facts: Facts) -> Truth:
        worst = YES
        for part in self.parts:
            truth = part.holds(facts)
            if truth is NO:
                return NO
            worst = min(worst, truth)
        return worst


@dataclass(frozen=True, slots=True)
class Any:
    parts: "tuple[Condition, ...]"

    def holds(self, facts: Facts) -> Truth:
        return max((part.holds(facts) for part in self.parts), default=NO)


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"

    def holds(self, facts: Facts) -> Truth:
        return _OPPOSITE[self.part.holds(facts)]


_People = Authenticated | Users | Groups | Clients | Scopes
Condition = Anyone | Nobody | _People | Networks | BringsToken | Until | All | Any | Not


def leaves(condition: Condition) -> Iterable[Condition]:
    """The conditions inside that have no parts."""
    match condition:
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield condition


def on_people(condition: Condition) -> bool:
    """Whether some part of it depends on who asks."""
    return any(isinstance(leaf, _People) for leaf in leaves(condition))


def on_other(condition: Condition) -> bool:
    """Whether some part of it depends on something else than who asks: the place, the day, nothing."""
    return any(not isinstance(leaf, _People) for leaf in leaves(condition))


def on_tokens(condition: Condition) -> bool:
    """Whether some part of it is about tokens alone."""
    return any(isinstance(leaf, (Clients, Scopes)) for leaf in leaves(condition))


def needs_token(condition: Condition) -> bool:
    """Whether it holds of no session, whoever has it."""
    match condition:
        case Clients() | Scopes():
            return True
        case All(parts):
            return any(map(needs_token, parts))
        case Any(parts):
            return all(map(needs_token, parts))
        case _:
            return False


def needed_scopes(condition: Condition) -> frozenset[str]:
    """Those without which it holds of no token, as far as that can be told apart."""
    match condition:
        case Scopes(names):
            return names
        case All(parts):
            return frozenset[str]().union(*map(needed_scopes, parts))
        case _:
            return frozenset()


def brought_tokens(condition: Condition) -> tuple[AppToken, ...]:
    """The app's own credentials that some part of it is about."""
    return tuple(leaf.token for leaf in leaves(condition) if isinstance(leaf, BringsToken))


def holds_without_token(condition: Condition) -> bool:
    """Whether some part of it holds because a credential of the app's is not there."""
    match condition:
        case Not(part):
            return bool(brought_tokens(part))
        case All(parts) | Any(parts):
            return any(map(holds_without_token, parts))
        case _:
            return False


def without_places(condition: Condition) -> Condition | None:
    """What of it is not about where. None: nothing."""
    if isinstance(condition, All):
        parts = [part for each in condition.parts if (part := without_places(each)) is not None]
        return All(tuple(parts)) if parts else None
    return None if any(isinstance(leaf, Networks) for leaf in leaves(condition)) else condition


def captured(condition: Condition) -> frozenset[str]:
    """Names of captures that it needs."""
    return frozenset(name for leaf in leaves(condition) if isinstance(leaf, (Users, Groups)) for name in leaf.captured)
