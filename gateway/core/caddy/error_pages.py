"""Judges handle_errors: it runs when Bastion can't be reached, so nothing in it may be an app's (threats.md P2)."""

from collections.abc import Generator, Iterable, Iterator
from typing import Final

from gateway.core.caddy.adapted import Handler, Route
from gateway.core.caddy.findings import Finding, Level
from gateway.core.caddy.guards import Guards
from gateway.core.caddy.hosts import Meets, hosts_of, meets
from gateway.core.caddy.kinds import directive_of, is_fixed_page, told
from gateway.core.policy.patterns import HostPattern

_HARMLESS: Final = frozenset({"static_response", "templates", "headers", "vars", "encode", "error", "map", "subroute"})


def judge_errors(routes: Iterable[Route], host: HostPattern, guards: Guards) -> Iterator[Finding]:
    """routes: of the server, and of subroutes that keep some for themselves."""
    for route in routes:
        if meets(route, host) is not Meets.NEVER:
            site = next(iter(hosts_of(route)), "")
            yield from (_finding(site, handler) for handler in _apps((route,), guards, fixed=False))


def _apps(routes: Iterable[Route], guards: Guards, *, fixed: bool) -> Generator[Handler, None, bool]:
    """fixed: an earlier rewrite decided the path, whatever the client asked for. Returns whether one did at the end."""
    for route in routes:
        for handler in route.handlers:
            if handler.kind == "rewrite":
                fixed = is_fixed_page(handler) and (fixed or not route.matchers)
            elif handler.kind == "subroute" and not guards.is_wrapper(handler):
                inside = yield from _apps(handler.routes, guards, fixed=fixed)
                fixed = fixed and inside
            elif handler.kind not in _HARMLESS and not (handler.kind == "file_server" and fixed):
                yield handler
    return fixed


def _finding(site: str, handler: Handler) -> Finding:
    way_out = "answer with `respond` there"
    if handler.kind == "file_server":
        way_out = "answer with `respond`, or `rewrite * /{err.status_code}.html` before it"
    return Finding(
        "errors", Level.ERROR, site, handler.at, f"{told(handler)} stands in handle_errors",
        "Caddy runs it when Bastion can't be reached, so everybody gets it", way_out, directive_of(handler),
    )  # fmt: skip
