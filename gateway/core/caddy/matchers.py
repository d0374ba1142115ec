"""Finds the paths that a Caddyfile tells apart, for whoever wants to ask for one under each."""

from collections.abc import Iterator

from gateway.core.caddy.adapted import Adapted, Route, texts_in
from gateway.core.caddy.hosts import Meets, meets, pattern_of


def sample_paths(adapted: Adapted, host: str, mark: str) -> tuple[str, ...]:
    """One under each path matcher of the host's sites; mark stands for each * in it."""
    sought = pattern_of(host)
    routes = (route for server in adapted.servers for route in server.routes)
    found = (path for route in routes if meets(route, sought) is not Meets.NEVER for path in _paths(route))
    return tuple(dict.fromkeys(path.replace("*", mark) for path in found if path.startswith("/")))


def _paths(route: Route) -> Iterator[str]:
    for matcher in route.matchers:
        yield from texts_in(matcher, "path")
    for handler in route.handlers:
        for inner in handler.routes:
            yield from _paths(inner)
