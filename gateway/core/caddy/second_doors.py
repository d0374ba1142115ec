"""Finds proxies to the back end of a wrapped site that stand outside of any wrapper, at whatever address."""

from collections.abc import Iterator
from typing import Final

from gateway.core.caddy.adapted import Adapted, Handler, Route, Server, handlers_below
from gateway.core.caddy.findings import Finding, Level
from gateway.core.caddy.guards import Guards, upstreams
from gateway.core.caddy.hosts import hosts_of
from gateway.core.caddy.kinds import directive_of, told
from gateway.core.caddy.listening import is_local

_DEEPEST: Final = 32
_THIS_MACHINE: Final = ("localhost:", "127.0.0.1:", "[::1]:", ":")


def second_doors(adapted: Adapted, guards: Guards) -> Iterator[Finding]:
    """Of servers that listen on loopback or a socket none: only this machine gets there."""
    wrapped = _wrapped(adapted, guards)
    for server in adapted.servers:
        if all(map(is_local, server.listen)):
            continue
        for route in (*server.routes, *server.errors):
            for handler in _proxies((route,), server, guards):
                if not wrapped.isdisjoint(map(_back_end, upstreams(handler))):
                    yield _finding(server, route, handler)


def _wrapped(adapted: Adapted, guards: Guards) -> frozenset[str]:
    """The back ends of all sites that ask Bastion."""
    return frozenset(
        _back_end(dialled)
        for server in adapted.servers
        for wrapper in handlers_below((*server.routes, *server.named.values()))
        if guards.is_wrapper(wrapper)
        for proxy in _proxies(wrapper.routes, server)
        if not guards.is_question(proxy)
        for dialled in upstreams(proxy)
    )


def _proxies(
    routes: tuple[Route, ...], server: Server, outside_of: Guards | None = None, depth: int = 0
) -> Iterator[Handler]:
    """outside_of: without what stands in its wrappers."""
    for handler in (handler for route in routes for handler in route.handlers):
        if handler.kind == "reverse_proxy":
            yield handler
        elif handler.kind == "invoke" and depth < _DEEPEST:
            named = server.named.get(str(handler.fields.get("name")))
            yield from () if named is None else _proxies((named,), server, outside_of, depth + 1)
        elif outside_of is None or not (outside_of.is_wrapper(handler) or outside_of.is_auth(handler)):
            yield from _proxies((*handler.routes, *handler.errors), server, outside_of, depth)


def _back_end(dialled: str) -> str:
    """The same for all names of this machine's loopback."""
    for begin in _THIS_MACHINE:
        if dialled.startswith(begin):
            return dialled.removeprefix(begin)
    return dialled


def _finding(server: Server, route: Route, handler: Handler) -> Finding:
    site = next(iter(hosts_of(route) or server.listen), server.name)
    return Finding(
        "second-door", Level.ERROR, site, handler.at, f"{told(handler)} leads to the back end of a wrapped site",
        "Caddy never asks Bastion there, so a client that finds this address gets past policy",
        "put it into `import bastion { ... }`, take it out, or write `bind 127.0.0.1` into the site",
        directive_of(handler),
    )  # fmt: skip
