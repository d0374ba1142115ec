"""Owns the rule that one route decides: patterns that take the same paths need different methods or priorities."""

from collections.abc import Iterable
from itertools import combinations

from gateway.core.policy.compose import Placed
from gateway.core.policy.patterns import shape
from gateway.core.policy.places import Problems
from gateway.core.policy.tree import RoutePath


def refuse_ties(placed: Iterable[Placed], problems: Problems) -> None:
    """Of two patterns of different shape one is more specific, so only equal shapes are compared."""
    alike: dict[object, list[Placed]] = {}
    for one in placed:
        alike.setdefault((one.host.pattern.key, shape(one.entry.pattern)), []).append(one)
    for group in alike.values():
        for one, other in combinations(sorted(group, key=lambda one: one.path.place), 2):
            _judge(one, other, problems)


def _judge(first: Placed, second: Placed, problems: Problems) -> None:
    one, other = first.entry, second.entry
    if one.group == other.group and one.route is other.route:
        problems.add(
            second.path.place,
            f"{other.pattern} takes the same paths as {one.pattern} ({first.path.place}): one trailing slash never "
            "matters; expected one of them; drop the other",
        )
    elif one.group == other.group:
        if not _overlap(one, other) or one.route.priority != other.route.priority:
            return
        problems.add(
            second.path.place,
            f"{other.route.name} and {one.route.name} ({first.path.place}) both decide {_methods(other)}"
            f"{second.host.text}{other.pattern}; expected one; give one a base, other methods, a priority, or drop it",
        )
    elif one.route.priority == other.route.priority and not _disjoint(one, other):
        problems.add(
            second.path.place,
            f"{other.pattern} and {one.pattern} ({one.route.name}, {first.path.place}) can take one path; expected "
            "different priorities; write priority: 1 on the one that should win",
        )


def _disjoint(one: RoutePath, other: RoutePath) -> bool:
    """Both see the case of letters, and differ in it."""
    return one.sensitive and other.sensitive and one.spelling != other.spelling


def _overlap(one: RoutePath, other: RoutePath) -> bool:
    if one.methods is None or other.methods is None:
        return one.methods is other.methods
    return not one.methods.isdisjoint(other.methods)


def _methods(entry: RoutePath) -> str:
    return "" if entry.methods is None else f"{', '.join(sorted(entry.methods))} "
