"""What programs ask every host for: /robots.txt and /.well-known/security.txt."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from gateway.core.units import DAY_S

_ROBOTS: Final = "User-agent: *\nDisallow: /\n"
_SECURITY_PATH: Final = "/.well-known/security.txt"
_GOOD_FOR_DAYS: Final = 180  # RFC 9116 section 2.5.5 recommends less than a year
_A_WHILE: Final = {"Cache-Control": "public, max-age=3600"}


def routes(origin: str, contact: str, clock: Callable[[], int]) -> list[web.RouteDef]:
    """origin: of the auth host. contact: a URI; "" for none, and then there is no security.txt."""

    async def robots(_request: web.Request) -> web.Response:
        return web.Response(text=_ROBOTS, headers=_A_WHILE)

    async def security(_request: web.Request) -> web.Response:
        if not contact:
            raise web.HTTPNotFound
        return web.Response(text=security_txt(origin, contact, clock()), headers=_A_WHILE)

    return [web.get("/robots.txt", robots), web.get(_SECURITY_PATH, security)]


def security_txt(origin: str, contact: str, now: int) -> str:
    """RFC 9116. now: Unix seconds."""
    expires = datetime.fromtimestamp((now // DAY_S + _GOOD_FOR_DAYS) * DAY_S, UTC)
    return (
        "# We acknowledge each report within 48 hours.\n"
        f"Contact: {contact}\n"
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"
        f"Canonical: {origin}{_SECURITY_PATH}\n"
    )
