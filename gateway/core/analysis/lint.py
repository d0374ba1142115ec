"""Owns what a policy may say, but hardly means: a door that asks less than the place around it, a day that is past."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final
from urllib.parse import unquote

from gateway.core.analysis.expiry import past, review_due
from gateway.core.analysis.lint_app_tokens import of_app_tokens, opened_by_app
from gateway.core.analysis.lint_tokens import of_tokens
from gateway.core.analysis.warning import PolicyWarning
from gateway.core.policy.canonical import folded
from gateway.core.policy.conditions import Anyone, Authenticated, Condition, Nobody
from gateway.core.policy.cross_origin import may_be_forged
from gateway.core.policy.model import Policy
from gateway.core.policy.patterns import Expression, Literal, One, PathPattern, Step
from gateway.core.policy.reading.apps import REST
from gateway.core.policy.route import Leg, Route

_OVERRIDDEN: Final = "POST"
_READ: Final = "GET"


@dataclass(frozen=True, slots=True)
class _Door:
    """One path of a route."""

    route: Route
    pattern: PathPattern

    def __str__(self) -> str:
        return f"{self.route.name} ({self.pattern})"


def lint(policy: Policy, now: int) -> tuple[PolicyWarning, ...]:
    """In the order of the files, each once however many hosts an app has. now: Unix seconds."""
    by_host: dict[object, list[_Door]] = {}
    for route in policy.routes:
        for host in route.hosts:
            by_host.setdefault(host.key, []).extend(_Door(route, pattern) for pattern in route.paths)
    found = {warning for doors in by_host.values() for warning in _of_one_host(doors)}
    found.update(warning for route in policy.routes for warning in _expired(route, now))
    found.update(of_tokens(policy, now))
    found.update(of_app_tokens(policy))
    return tuple(sorted(found))


def _expired(route: Route, now: int) -> Iterator[PolicyWarning]:
    """A `note` does not keep it from being told: it is about a day, not about what is meant."""
    yield from review_due(route.review, now)
    for leg in route.legs:
        yield from past(leg.condition, leg.place, "this leg lets nobody in", now)
    for denial in route.denials:
        yield from past(denial.condition, denial.place, "this denies nothing", now)


def _of_one_host(doors: list[_Door]) -> Iterator[PolicyWarning]:
    around = _Around()
    for door in doors:
        if door.pattern.rest:
            around.add(door)
    guarded = [door for door in doors if not _is_open(door.route)]
    written = {_group(door.pattern) for door in doors if not door.route.name.endswith(f"/{REST}")}
    for door in doors:
        if not door.route.note:
            yield from _open_everywhere(door)
            yield from _open_below(door, around, written)
            yield from _looser_inside(door, around)
            yield from _path_info(door, guarded)
    yield from _methods(doors)


def _open_everywhere(door: _Door) -> Iterator[PolicyWarning]:
    route = door.route
    is_everywhere = not route.methods and str(door.pattern) == f"{unquote(route.base).rstrip('/')}/**"
    if is_everywhere and _is_open(route) and not route.denials:
        message = f"{door} lets anyone in on every path without a rule; set allow, or say why in `note`"
        yield PolicyWarning(route.place, "open", message)


def _looser_inside(door: _Door, around: "_Around") -> Iterator[PolicyWarning]:
    for outer in around.nearest(door):
        less = _asks_less(door.route, outer.route)
        if less:
            message = f"{door} is inside {outer}, {outer.route.place}, and {less}; ask as much, or say why in `note`"
            yield PolicyWarning(door.route.place, "looser-inside", message)


def _open_below(door: _Door, around: "_Around", written: Container[object]) -> Iterator[PolicyWarning]:
    """A guarded path usually means the paths below it too, but /admin leaves /admin/x to the surrounding route."""
    steps, is_rest = _group(door.pattern)
    is_page = not door.route.methods or _READ in door.route.methods
    if is_rest or not is_page or (steps, True) in written or ((*steps, _kind(One())), False) in written:
        return
    for outer in around.nearest(door):
        more = _lets_in_more(outer.route, door.route)
        if more and not (outer.route.note and _is_open(outer.route)):  # a place that is said to be public
            message = (
                f"{door} covers that path alone: {outer}, {outer.route.place}, decides the paths below it and {more}; "
                "end the path in /**, or say why in `note`"
            )
            yield PolicyWarning(door.route.place, "open-below", message)


def _path_info(door: _Door, guarded: Iterable[_Door]) -> Iterator[PolicyWarning]:
    """threats.md Y3: PHP runs /index.php for /index.php/x.css, which looks like a file with a harmless name."""
    last = max((at for at, step in enumerate(door.pattern.steps) if isinstance(step, Expression)), default=0)
    if not _is_open(door.route):
        return
    scripts = [number for number, step in enumerate(door.pattern.steps[:last]) if _may_be_a_script(step)]
    for other in guarded:
        if any(_meet(door.pattern.steps[: number + 1], other.pattern) for number in scripts):
            message = (
                f"{door} lets anyone in because of a path's ending: an app that reads the rest of a path as input of a "
                f"script (PHP: /index.php/x.css) is open without the rules of {other}, {other.route.place}; write out "
                "the directory, or say why in `note`"
            )
            yield PolicyWarning(door.route.place, "path-info", message)
            return


def _methods(doors: Iterable[_Door]) -> Iterator[PolicyWarning]:
    """threats.md Y3: an app that reads `_method` in a form does with a POST what others guard a DELETE for."""
    alike: dict[object, list[_Door]] = {}
    for door in doors:
        alike.setdefault(_group(door.pattern), []).append(door)
    for group in alike.values():
        listed = {method for door in group for method in door.route.methods}
        for post, other in permutations(group, 2):
            takes = set(post.route.methods) or {_OVERRIDDEN} - listed
            others = {method for method in other.route.methods if may_be_forged(method, websocket=False)}
            if _OVERRIDDEN not in takes or post.route.note or (other.route.methods and not others):
                continue
            less = _asks_less(post.route, other.route)
            if less:
                what = ", ".join(sorted(others)) or "every other method"
                message = (
                    f"{post} takes POST and {less}, where {other.route.name}, {other.route.place}, takes {what}: "
                    "an app that reads `_method` turns one into the other; ask as much, or say why in `note`"
                )
                yield PolicyWarning(post.route.place, "method", message)


def _asks_less(inner: Route, outer: Route) -> str:
    """What the inner one does without, "" where that is nothing or can't be compared."""
    if _is_shut(inner):
        return ""
    if _is_open(inner) and not _is_open(outer):
        return "lets anyone in"
    if all(leg.people for leg in (*inner.legs, *outer.legs)):
        if _any_is(inner.legs, Authenticated) and not _any_is(outer.legs, Authenticated):
            return "lets in everybody who is logged in"
        if _always_mfa(outer) and not _always_mfa(inner):
            return "asks for no second factor"
        if all(leg.require.dpop for leg in outer.legs) and not all(leg.require.dpop for leg in inner.legs):
            return "takes tokens that are bound to no key"
        if _oldest_login_s(outer) and not 0 < _oldest_login_s(inner) <= _oldest_login_s(outer):
            return "accepts an older login"
    own = {denial.condition for denial in inner.denials}
    if any(denial.condition not in own for denial in outer.denials):
        return "lacks its deny"
    return ""


def _lets_in_more(below: Route, page: Route) -> str:
    """Whom the one lets in and the other not, "" where that is nobody, some, or can't be compared."""
    if _is_open(page) or _is_shut(below):
        return ""
    if _is_open(below):
        return "lets anyone in"
    if not _is_shut(page) and not all(leg.people for leg in page.legs):
        return ""
    if opened_by_app(below):
        return "lets in every client that sends something as the app's token"
    if not _is_shut(page) and not all(leg.people for leg in below.legs):
        return ""
    if _any_is(below.legs, Authenticated) and not _any_is(page.legs, Authenticated):
        return "lets in everybody who is logged in"
    return "asks for no second factor" if _always_mfa(page) and not _is_shut(page) and not _always_mfa(below) else ""


def _is_open(route: Route) -> bool:
    return _any_is(route.legs, Anyone)


def _is_shut(route: Route) -> bool:
    return all(isinstance(leg.condition, Nobody) for leg in route.legs)


def _any_is(legs: Iterable[Leg], kind: type[Condition]) -> bool:
    return any(isinstance(leg.condition, kind) for leg in legs)


def _always_mfa(route: Route) -> bool:
    return all(leg.require.need.asks_second for leg in route.legs)


def _oldest_login_s(route: Route) -> int:
    """0: however old."""
    windows = [leg.require.authenticated_within_s for leg in route.legs]
    return 0 if 0 in windows else max(windows, default=0)


def _may_be_a_script(step: Step) -> bool:
    return not isinstance(step, Literal) or "." in step.text


def _meet(steps: tuple[Step, ...], pattern: PathPattern) -> bool:
    """Whether one path can begin with these steps, end there, and be the pattern's."""
    if len(steps) < len(pattern.steps) or (len(steps) > len(pattern.steps) and not pattern.rest):
        return False
    return all(
        not (isinstance(one, Literal) and isinstance(other, Literal)) or folded(one.text) == folded(other.text)
        for one, other in zip(steps, pattern.steps, strict=False)
    )


@dataclass(slots=True)
class _Around:
    """Doors that end in **, to be found by what is inside of them. doors: those that end here."""

    below: "dict[str, _Around]" = field(default_factory=dict)
    doors: list[_Door] = field(default_factory=list)

    def add(self, door: _Door) -> None:
        node = self
        for step in door.pattern.steps:
            node = node.below.setdefault(_kind(step), _Around())
        node.doors.append(door)

    def nearest(self, door: _Door) -> list[_Door]:
        """The innermost that take all paths of the door, with a method of its; none of its own pattern."""
        found: list[_Door] = []
        nodes = [self]
        for step in (*door.pattern.steps, None):
            here = [outer for node in nodes for outer in node.doors if _is_around(outer, door)]
            found = here or found
            if step is not None:
                kinds = dict.fromkeys((_kind(step), _kind(One())))
                nodes = [node.below[kind] for node in nodes for kind in kinds if kind in node.below]
        return found


def _is_around(outer: _Door, inner: _Door) -> bool:
    if _group(outer.pattern) == _group(inner.pattern):
        return False
    mine, theirs = set(inner.route.methods), set(outer.route.methods)
    return not mine or not theirs or not mine.isdisjoint(theirs)


def _group(pattern: PathPattern) -> tuple[tuple[str, ...], bool]:
    """Patterns of one group take the same paths, the case of literals aside."""
    return tuple(map(_kind, pattern.steps)), pattern.rest


def _kind(step: Step) -> str:
    match step:
        case Literal(text):
            return f"={folded(text)}"
        case Expression(source):
            return f"~{source}"
        case One():
            return "*"
