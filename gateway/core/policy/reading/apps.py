"""Reads apps and their routes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.policy.canonical import METHODS, folded
from gateway.core.policy.grammar import APP, ROUTE
from gateway.core.policy.patterns import (
    BadPattern,
    HostPattern,
    Literal,
    PathPattern,
    host_pattern,
    path_pattern,
)
from gateway.core.policy.places import Page, Place, did_you_mean
from gateway.core.policy.reading.maps import keyed, named
from gateway.core.policy.reading.settings import Definitions, Level, read_level
from gateway.core.policy.reading.words import items, text, texts, whole, word
from gateway.core.policy.route import Case
from gateway.core.policy.site import Site
from gateway.core.policy.suffixes import is_public_suffix
from gateway.core.yaml_marks import Marked, MarkedScalar

REST: Final = "rest"
_EVERYTHING: Final = PathPattern((), rest=True, captures=())
_MOST_PRIORITY: Final = 1000
_RESERVED: Final = ".bastion"
_NEVER: Final = ("CONNECT", "PRI", "TRACE")


@dataclass(frozen=True, slots=True)
class HostText:
    text: str
    pattern: HostPattern
    place: Place


@dataclass(frozen=True, slots=True)
class PathText:
    """pattern: without the base of the app."""

    pattern: PathPattern
    place: Place


@dataclass(frozen=True, slots=True)
class RouteText:
    """methods None: all that no other route with the path lists."""

    name: str
    paths: tuple[PathText, ...]
    methods: frozenset[str] | None
    priority: int
    level: Level


@dataclass(frozen=True, slots=True)
class AppText:
    name: str
    hosts: tuple[HostText, ...]
    base: PathPattern
    case: Case
    level: Level
    routes: tuple[RouteText, ...]


class DeclaredApps:
    """Of all files."""

    def __init__(self, site: Site, names: Definitions) -> None:
        self._site = site
        self._names = names
        self._places: dict[str, Place] = {}
        self.read: list[AppText] = []

    def add(self, page: Page, at: Marked) -> None:
        """The apps of one file."""
        for key, value in named(page, at, "apps"):
            first = self._places.setdefault(key.text, page.place(key))
            if first != page.place(key):
                page.say(key, f"app `{key.text}` again, first at {first}; expected once")
                continue
            given = keyed(page, value, APP)
            if given is not None:
                self.read.append(self._app(page, key, given))

    def _app(self, page: Page, key: MarkedScalar, given: Mapping[str, Marked]) -> AppText:
        level = read_level(page, page.place(key), given, self._names)
        routes = tuple(self._routes(page, given["routes"])) if "routes" in given else ()
        if level.allow is None and not routes:
            page.say(key, f"app {key.text} has neither allow nor routes; expected one; write allow: authenticated")
        case = word(page, given["case"], "case", [one.value for one in Case]) if "case" in given else None
        base = _base(page, given["base"]) if "base" in given else PathPattern((), rest=False, captures=())
        app = AppText(
            key.text,
            tuple(self._hosts(page, given["hosts"])) if "hosts" in given else (),
            base,
            Case(case or "guarded"),
            level,
            _with_rest(page, key, level, routes),
        )
        _refuse_reserved(page, app)
        return app

    def _hosts(self, page: Page, at: Marked) -> Iterator[HostText]:
        seen = set()
        for item in items(page, at, "a host"):
            written = text(page, item, "a host")
            try:
                pattern = host_pattern(written) if written is not None else None
            except BadPattern as bad:
                page.say(item, str(bad))
                continue
            if written is None or pattern is None or not self._is_ours(page, item, pattern):
                continue
            if pattern.key in seen:
                page.say(item, f"{written} again; expected each host once")
            seen.add(pattern.key)
            yield HostText(written, pattern, page.place(item))

    def _is_ours(self, page: Page, at: Marked, pattern: HostPattern) -> bool:
        labels = ["*" if label is None else label for label in pattern.labels][::-1]
        name = ".".join(labels)
        if name == self._site.auth_host:
            page.say(at, f"{name} is the auth host; expected another host")
            return False
        under = name.rpartition("*.")[2]
        if not pattern.exact and under and is_public_suffix(under):
            page.say(at, f"everybody can register names under {under}; expected a wildcard under a domain of your own")
            return False
        return True

    def _routes(self, page: Page, at: Marked) -> Iterator[RouteText]:
        for key, value in named(page, at, "routes"):
            given = keyed(page, value, ROUTE)
            if given is not None:
                priority = given.get("priority")
                yield RouteText(
                    key.text,
                    tuple(_paths(page, given["paths"])) if "paths" in given else (),
                    _methods(page, given["methods"]) if "methods" in given else None,
                    0 if priority is None else whole(page, priority, "priority", -_MOST_PRIORITY, _MOST_PRIORITY) or 0,
                    read_level(page, page.place(key), given, self._names),
                )


def _base(page: Page, at: Marked) -> PathPattern:
    written = text(page, at, "a path such as /wiki") or "/"
    try:
        pattern = path_pattern(written)
    except BadPattern as bad:
        page.say(at, str(bad))
        return PathPattern((), rest=False, captures=())
    if pattern.rest or not all(isinstance(step, Literal) for step in pattern.steps):
        page.say(at, f"base {written} is a pattern; expected plain segments such as /wiki")
        return PathPattern((), rest=False, captures=())
    return pattern


def _paths(page: Page, at: Marked) -> Iterator[PathText]:
    for item in items(page, at, "a path"):
        written = text(page, item, "a path")
        try:
            if written is not None:
                yield PathText(path_pattern(written), page.place(item))
        except BadPattern as bad:
            page.say(item, str(bad))


def _methods(page: Page, at: Marked) -> frozenset[str]:
    """GET brings HEAD."""
    given = set(texts(page, at, "a method"))
    for method in sorted(given - METHODS):
        what = "is never passed on" if method in _NEVER else "is no registered method"
        page.say(at, f"`{method}` {what}{did_you_mean(method.upper(), METHODS)}")
    return frozenset(given | {"HEAD"} if "GET" in given else given) & METHODS


def _with_rest(page: Page, key: MarkedScalar, level: Level, routes: tuple[RouteText, ...]) -> tuple[RouteText, ...]:
    """An app with `allow` also has the route `rest`, unless one of its own has that path."""
    if level.allow is None or any(path.pattern == _EVERYTHING for route in routes for path in route.paths):
        return routes
    own = next((route for route in routes if route.name == REST), None)
    if own is not None:
        page.problems.add(
            own.level.place, f"`rest` is the route of {key.text} for all other paths; expected another name"
        )
        return routes
    place = page.place(key)
    return (*routes, RouteText(REST, (PathText(_EVERYTHING, place),), None, 0, Level(place, note=level.note)))


def _refuse_reserved(page: Page, app: AppText) -> None:
    for route in app.routes:
        for path in route.paths:
            steps = path.pattern.under(app.base).steps
            if steps and isinstance(steps[0], Literal) and folded(steps[0].text) == _RESERVED:
                page.problems.add(path.place, "/.bastion/ is Bastion's own on every host; expected another path")
