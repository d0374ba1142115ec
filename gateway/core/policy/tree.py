"""Owns the look-up of hosts and paths: what is most specific wins, and nothing falls through to what is wider."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import re2

from gateway.core.policy.app_cookies import cookies_of
from gateway.core.policy.canonical import METHODS, Segments, folded
from gateway.core.policy.facts import Refused
from gateway.core.policy.patterns import Expression, HostPattern, Literal, PathPattern, shape
from gateway.core.policy.route import Case, Route, Routed

NO_ROUTE: Final = Refused(403, "no_route")
_SPELLING: Final = Refused(400, "case", detail="differs from a route only by the case of its letters")
_ALWAYS_SHOWN: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Keys = tuple[str | None, ...]  # segments as literals are looked up: folded, None where opaque
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class RoutePath:
    """One path pattern of a route, with its base. methods None: all registered ones that nobody lists.

    captures: name -> index of the segment; host_captures: name -> index of the label from the right; only used ones.
    """

    route: Route
    pattern: PathPattern
    methods: frozenset[str] | None
    captures: tuple[tuple[str, int], ...] = ()
    host_captures: tuple[tuple[str, int], ...] = ()

    @property
    def expressions(self) -> tuple[tuple[int, str], ...]:
        steps = enumerate(self.pattern.steps)
        return tuple((index, step.source) for index, step in steps if isinstance(step, Expression))

    @property
    def spelling(self) -> tuple[tuple[int, str], ...]:
        steps = enumerate(self.pattern.steps)
        return tuple((index, step.text) for index, step in steps if isinstance(step, Literal))

    @property
    def sensitive(self) -> bool:
        return self.route.case is Case.SENSITIVE

    @property
    def group(self) -> object:
        """Entries of one group take the same paths."""
        return shape(self.pattern), self.expressions, self.spelling if self.sensitive else None


@dataclass(frozen=True, slots=True)
class _Target:
    """An entry as it is looked up. spelling, expressions: what a guarded path has to match to the letter.

    is_lower: its literals have no capitals, so that a path without capitals that was led here is spelled as they are.
    """

    entry: RoutePath
    routed: Routed | None
    spelling: tuple[tuple[int, str], ...]
    expressions: "tuple[tuple[int, re2._Regexp[str]], ...]"
    is_lower: bool

    @classmethod
    def of(cls, entry: RoutePath) -> "_Target":
        routed = None if entry.captures or entry.host_captures else Routed(entry.route, _NOTHING)
        if entry.route.case is not Case.GUARDED:
            return cls(entry, routed, (), (), is_lower=True)
        is_lower = all(folded(text) == text for _, text in entry.spelling)
        return cls(entry, routed, entry.spelling, _compiled(entry, case_sensitive=True), is_lower)

    def routed_to(self, segments: Segments, keys: Keys, labels: Segments) -> Routed | Refused:
        as_written = self.is_lower and segments is keys
        if not as_written and any(segments[index] != text for index, text in self.spelling):
            return _SPELLING
        if self.expressions and any(not one.fullmatch(segments[index]) for index, one in self.expressions):
            return _SPELLING
        if self.routed is not None:
            return self.routed
        captures = {name: segments[index] for name, index in self.entry.captures}
        captures |= {name: labels[index] for name, index in self.entry.host_captures}
        return Routed(self.entry.route, captures)


_NO_METHODS: Final[Mapping[str, _Target]] = {}  # one for all, so that it stays in the processor's memory


@dataclass(frozen=True, slots=True)
class _Group:
    """All entries that take the same paths; the method decides among them."""

    spelling: tuple[tuple[int, str], ...]
    expressions: "tuple[tuple[int, re2._Regexp[str]], ...]"
    by_method: Mapping[str, _Target]
    otherwise: _Target | None
    refused: Refused

    @classmethod
    def of(cls, entries: Iterable[RoutePath]) -> "_Group":
        ordered = sorted(entries, key=lambda entry: -entry.route.priority)
        first, by_method, otherwise = ordered[0], dict[str, _Target](), None
        for target in map(_Target.of, ordered):
            if target.entry.methods is None:
                otherwise = otherwise or target
            else:
                by_method = dict.fromkeys(target.entry.methods, target) | by_method
        allow = sorted(by_method.keys() | (_ALWAYS_SHOWN if otherwise else set()))
        return cls(
            first.spelling if first.sensitive else (),
            _compiled(first, case_sensitive=first.sensitive),
            by_method or _NO_METHODS,
            otherwise,
            Refused(405, "method", tuple(allow), detail=f"{first.route.name} takes other methods"),
        )

    def takes(self, segments: Segments) -> bool:
        if not self.spelling and not self.expressions:
            return True
        return all(segments[index] == text for index, text in self.spelling) and all(
            expression.fullmatch(segments[index]) for index, expression in self.expressions
        )

    def find(self, method: str, segments: Segments, keys: Keys, labels: Segments) -> Routed | Refused:
        target = self.by_method.get(method)
        if target is None:
            target = self.otherwise
            if target is None or method not in METHODS:
                return self.refused
        return target.routed_to(segments, keys, labels)


@dataclass(slots=True)
class _Node:
    """Built once, then only read. ends: of patterns that end here; rest: of those that go on with **."""

    literals: "dict[str, _Node]" = field(default_factory=dict)
    expression: "_Node | None" = None
    one: "_Node | None" = None
    ends: tuple[_Group, ...] = ()
    rest: tuple[_Group, ...] = ()

    def child(self, kind: str) -> "_Node":
        if kind == "*":
            self.one = self.one or _Node()
            return self.one
        if kind == "{}":
            self.expression = self.expression or _Node()
            return self.expression
        return self.literals.setdefault(kind.removeprefix("="), _Node())


class RouteTable:
    """The routes of all apps with one host pattern. A look-up visits nodes, not routes."""

    def __init__(self, entries: Iterable[RoutePath]) -> None:
        entries = tuple(entries)
        self._root = _Node()
        routes = [entry.route for entry in entries]
        self.token_routes: Final = tuple(dict.fromkeys(route for route in routes if route.takes_tokens))
        self.cookies: Final = cookies_of(
            (route.base for route in routes), (cookie for route in routes for cookie in route.app_cookies)
        )
        grouped: dict[object, list[RoutePath]] = {}
        for entry in entries:
            grouped.setdefault(entry.group, []).append(entry)
        # Groups of one shape differ in their expressions (or spelling); the priority decides which is asked first.
        for group in sorted(grouped.values(), key=lambda group: -max(entry.route.priority for entry in group)):
            self._add(shape(group[0].pattern), _Group.of(group))

    def find(self, method: str, segments: Segments, keys: Keys, labels: Segments) -> Routed | Refused:
        """keys: segments itself where it has no capitals. labels: of the host, from the right; for captures."""
        group = _search(self._root, segments, keys, 0)
        return NO_ROUTE if group is None else group.find(method, segments, keys, labels)

    def _add(self, kinds: tuple[str, ...], group: _Group) -> None:
        node = self._root
        rest = kinds[-1:] == ("**",)
        for kind in kinds[: len(kinds) - rest]:
            node = node.child(kind)
        if rest:
            node.rest += (group,)
        else:
            node.ends += (group,)


class HostTree:
    """Which table decides for a host: compared label by label from the right, a name before * before **."""

    def __init__(self, tables: Mapping[HostPattern, RouteTable]) -> None:
        self._root = _HostNode()
        for pattern, table in tables.items():
            self._add(pattern, table)

    def find(self, labels: Segments) -> RouteTable | None:
        """labels: from the right."""
        return _search_host(self._root, labels, 0)

    def _add(self, pattern: HostPattern, table: RouteTable) -> None:
        node = self._root
        for label in pattern.labels:
            if label is None:
                node.one = node.one or _HostNode()
                node = node.one
            else:
                node = node.literals.setdefault(label, _HostNode())
        if pattern.rest:
            node.rest = table
        else:
            node.ends = table


@dataclass(slots=True)
class _HostNode:
    literals: "dict[str, _HostNode]" = field(default_factory=dict)
    one: "_HostNode | None" = None
    ends: RouteTable | None = None
    rest: RouteTable | None = None


def _search(node: _Node, segments: Segments, keys: Keys, at: int) -> _Group | None:
    """Depth first in the order of specificity; a node is visited at most once."""
    if at == len(keys):
        for group in node.ends:
            if group.takes(segments):
                return group
    else:
        key = keys[at]
        if key is not None:
            for child in (node.literals.get(key), node.expression):
                if child is not None and (found := _search(child, segments, keys, at + 1)) is not None:
                    return found
        if node.one is not None and (found := _search(node.one, segments, keys, at + 1)) is not None:
            return found
    for group in node.rest:
        if group.takes(segments):
            return group
    return None


def _search_host(node: _HostNode, labels: Segments, at: int) -> RouteTable | None:
    if at == len(labels):
        return node.ends
    literal = node.literals.get(labels[at])
    found = None if literal is None else _search_host(literal, labels, at + 1)
    if found is None and node.one is not None:
        found = _search_host(node.one, labels, at + 1)
    return node.rest if found is None else found


def _compiled(entry: RoutePath, *, case_sensitive: bool) -> "tuple[tuple[int, re2._Regexp[str]], ...]":
    steps = enumerate(entry.pattern.steps)
    return tuple(
        (index, step.compiled(case_sensitive=case_sensitive)) for index, step in steps if isinstance(step, Expression)
    )
