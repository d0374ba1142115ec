"""Follows a request to one host through one site of Caddy's, and notes what it meets before Bastion is asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.core.caddy.adapted import Handler, Route, Server
from gateway.core.caddy.guards import Guards
from gateway.core.caddy.hosts import Meets, meets
from gateway.core.caddy.kinds import Kind, condition_of, ends, kind_of
from gateway.core.policy.patterns import HostPattern

_DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class Met:
    """condition: what has to match for it, "" for every request."""

    handler: Handler
    kind: Kind
    condition: str


@dataclass(slots=True)
class Visit:
    """What was met, in order. bare: questions to Bastion that are no wrapper. beside: what a wrapper leaves unreached.

    again: wrappers that another one leaves unreached.

    errors: routes that subroutes outside of a wrapper keep for errors. ended: no request leaves the site's end.
    """

    server: Server
    host: HostPattern
    guards: Guards
    ours: Callable[[str], bool]
    met: list[Met] = field(default_factory=list)
    wrappers: list[Handler] = field(default_factory=list)
    auths: list[Handler] = field(default_factory=list)
    bare: list[Handler] = field(default_factory=list)
    beside: list[Met] = field(default_factory=list)
    again: list[Handler] = field(default_factory=list)
    errors: list[Route] = field(default_factory=list)
    ended: bool = False

    @property
    def guarded(self) -> bool:
        return bool(self.wrappers or self.auths or self.bare)

    def enter(self, site: Route) -> "Visit":
        """site: a route of the server. Its own subroute is the site, never a wrapper."""
        for handler in site.handlers:
            self._enter(handler, condition_of(site))
        return self

    def _enter(self, handler: Handler, condition: str) -> None:
        if handler.kind != "subroute":
            self.ended = self._step(handler, condition, 0) or self.ended
            return
        self.errors += handler.errors
        self.ended = self._walk(handler.routes, condition, 0) or self.ended

    def _walk(self, routes: tuple[Route, ...], condition: str, depth: int) -> bool:
        """Whether every request ends in it."""
        ended = False
        for route in routes:
            how_often = meets(route, self.host)
            if how_often is Meets.NEVER:
                continue
            if ended:
                self._leave(route)
            elif self._take(route, condition or condition_of(route), depth):
                ended = how_often is Meets.ALWAYS
        return ended

    def _take(self, route: Route, condition: str, depth: int) -> bool:
        ended = False
        for handler in route.handlers:
            if ended:
                self._leave(Route((), (handler,), False, handler.at))
            else:
                ended = self._step(handler, condition, depth)
        return ended

    def _step(self, handler: Handler, condition: str, depth: int) -> bool:
        if handler.kind == "subroute":
            return self._descend(handler, condition, depth + 1)
        if handler.kind == "invoke" and depth < _DEEPEST:
            named = self.server.named.get(str(handler.fields.get("name")))
            return named is not None and self._take(named, condition, depth + 1)
        if self.guards.is_question(handler):
            self.bare.append(handler)
            return False
        kind = kind_of(handler, self.ours)
        if not self.bare:  # who stands after a question is asked about
            self.met.append(Met(handler, kind, condition))
        return ends(handler) or kind is Kind.REFUSAL

    def _descend(self, handler: Handler, condition: str, depth: int) -> bool:
        if self.guards.is_wrapper(handler):
            self.wrappers.append(handler)
            return True
        if self.guards.is_auth(handler):
            self.auths.append(handler)
            return True
        self.errors += handler.errors
        return depth < _DEEPEST and self._walk(handler.routes, condition, depth)

    def _leave(self, route: Route) -> None:
        """What is never reached is only worth a word where the reason is a wrapper."""
        if self.guarded:
            self.beside += (
                Met(handler, kind, condition_of(route))
                for handler, kind in self._leaves((route,))
                if kind in (Kind.SERVES, Kind.ELSEWHERE)
            )

    def _leaves(self, routes: tuple[Route, ...]) -> Iterator[tuple[Handler, Kind]]:
        for handler in (handler for route in routes for handler in route.handlers):
            if handler.kind != "subroute":
                yield handler, kind_of(handler, self.ours)
            elif self.guards.is_wrapper(handler) or self.guards.is_auth(handler):
                self.again.append(handler)
            else:
                yield from self._leaves(handler.routes)
