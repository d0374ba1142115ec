"""Owns what other sites may do through a browser: cross-site requests, preflights, and who may read an answer."""

from typing import Final

from gateway.core.policy.cors import Cors, CorsProfile
from gateway.core.policy.route import Route

Headers = tuple[tuple[str, str], ...]
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ALWAYS: Final = frozenset({"accept", "accept-language", "content-language"})
_NOT_FROM_ELSEWHERE: Final = ("same-origin", "none")
TAKE_AWAY: Final = ("X-Bastion-Cors", "1")


def may_be_forged(method: str, *, websocket: bool) -> bool:
    """Whether it matters that another site may have made a browser send this."""
    return websocket or method not in _SAFE


def refuses_cross_origin(
    route: Route,
    method: str,
    websocket: bool,
    origin: str | None,
    fetch_site: str | None,
    own_origin: str,
    by_session: bool,
) -> bool:
    """Whether another site may have made the browser send this (threats.md H7).

    Only what is unsafe or a WebSocket, and only where a session opens the door: the rest needs no browser to be sent.
    A client that says nothing about where it came from is no browser, but for a WebSocket it has to say.
    """
    if not by_session or route.cross_origin_allow or not may_be_forged(method, websocket=websocket):
        return False
    if origin == own_origin:
        return False
    if origin is not None and _is_trusted(route, origin):
        return False
    if websocket:
        return True
    if fetch_site is not None:
        return fetch_site not in _NOT_FROM_ELSEWHERE
    return origin is not None


def preflight(route: Route, origin: str, requested_method: str, requested_headers: str | None) -> Headers | None:
    """What a preflight is granted (Fetch standard section 4.8). None: refuse it with 403.

    route: found by the requested method. Where route.cors is "app" the app answers, so don't ask here.
    """
    profile = route.cors
    if not isinstance(profile, CorsProfile) or not profile.lets(origin) or requested_method not in profile.methods:
        return None
    wanted = {name.strip().lower() for name in (requested_headers or "").split(",")} - {""}
    if not wanted <= _ALWAYS.union(profile.headers):
        return None
    granted = [
        ("Access-Control-Allow-Origin", _allowed_origin(profile, origin)),
        ("Access-Control-Allow-Methods", ", ".join(profile.methods)),
        ("Access-Control-Max-Age", str(profile.max_age_s)),
        ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    ]
    if profile.headers:
        granted.append(("Access-Control-Allow-Headers", ", ".join(profile.headers)))
    if profile.credentials:
        granted.append(("Access-Control-Allow-Credentials", "true"))
    return tuple(granted)


def cors_block(profile: Cors, origin: str | None) -> Headers:
    """For the answer itself: the app's own CORS headers go, ours come for an origin that is in the list (P8)."""
    if profile == "app":
        return ()
    if not isinstance(profile, CorsProfile) or origin is None or not profile.lets(origin):
        return (TAKE_AWAY,)
    block = [TAKE_AWAY, ("X-Bastion-Acao", _allowed_origin(profile, origin))]
    if profile.credentials:
        block.append(("X-Bastion-Acac", "true"))
    if profile.expose:
        block.append(("X-Bastion-Acexpose", ", ".join(profile.expose)))
    return tuple(block)


def _is_trusted(route: Route, origin: str) -> bool:
    """Written in the list, and with credentials: an origin that may not send cookies has no use for a session."""
    return isinstance(route.cors, CorsProfile) and route.cors.credentials and origin in route.cors.origins


def _allowed_origin(profile: CorsProfile, origin: str) -> str:
    """Never a wildcard or a reflected origin with credentials: an origin that is written in the list, or *."""
    return "*" if profile.any_origin else origin
