"""Reads Destination (RFC 4918 section 10.3), by which a request names a second resource, for policy to judge."""

import re
from dataclasses import replace
from typing import Final

from gateway.core.forward.context import Context
from gateway.core.forward.names import DESTINATION
from gateway.core.forward.request import ForwardedRequest
from gateway.core.policy.canonical import canonical_host
from gateway.core.policy.facts import Refused
from gateway.core.policy.route import Route, Routed

_WRITES: Final = "PUT"  # what any of them does to its destination
_FORM: Final = re.compile(r"(?:(https?)://([^/?#]+)|(?!/[/\\]))(/[!\"$-~]*)", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"https": ":443", "http": ":80"}
_ODD: Final = Refused(400, "bad_destination", detail="no path, and no URL with one; or more than one")
_ELSEWHERE: Final = Refused(403, "other_destination", detail="of another origin")


def second_routes(request: ForwardedRequest, context: Context) -> tuple[Routed, ...] | Refused:
    """The routes that judge the destination: by the request's method, and as if it were written there.

    Refused where one of them would refuse. Two lines of the header came joined by a space, which no URL has.
    """
    path = _path(request, context)
    if isinstance(path, Refused):
        return path
    routes = []
    for method in (request.method, _WRITES):
        found = context.find(request.host, method, path)
        if isinstance(found, Refused):
            return _of_destination(found, method)
        routes.append(found)
    return tuple(routes)


def with_needs_of(route: Route, others: tuple[Routed, ...]) -> Route:
    """The route as far as what has to be known is concerned: people, limits and the app's own tokens, each once."""
    routes = (route, *(one.route for one in others))
    return replace(
        route,
        asks_people=any(one.asks_people for one in routes),
        limits=tuple(dict.fromkeys(limit for one in routes for limit in one.limits)),
        token_limits=tuple(dict.fromkeys(limit for one in routes for limit in one.token_limits)),
        anonymous_limits=tuple(dict.fromkeys(limit for one in routes for limit in one.anonymous_limits)),
        app_tokens=tuple(dict.fromkeys(token for one in routes for token in one.app_tokens)),
    )


def _path(request: ForwardedRequest, context: Context) -> str | Refused:
    """Its path, raw, where it is on the request's own origin."""
    form = _FORM.fullmatch(request.values[DESTINATION].decode("latin-1"))
    if form is None:
        return _ODD
    scheme, authority, target = form.groups()
    path: str = target.partition("?")[0]
    if scheme is None:
        return path
    if canonical_host(authority) is None:
        return _ODD
    here = _origin(*context.origin_of(request.host).split("://"))
    return path if _origin(scheme.lower(), authority.lower()) == here else _ELSEWHERE


def _origin(scheme: str, authority: str) -> tuple[str, str]:
    return scheme, authority.removesuffix(_DEFAULT_PORTS[scheme])


def _of_destination(found: Refused, method: str) -> Refused:
    """Allow would speak of the request's own path, so what takes no such method has no route."""
    if found.allow:
        return Refused(403, "no_route", detail=f"the destination takes no {method}")
    return Refused(found.status, found.reason, detail=f"the destination: {found.detail or found.reason}")
