"""/.well-known/openid-configuration and /.well-known/oauth-authorization-server: one document under two names."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.core.oauth.metadata import metadata
from gateway.core.policy.model import Policy
from gateway.web.protocol import ProtocolRoute

_PATHS: Final = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def routes(issuer: str, policy: Callable[[], Policy]) -> list[ProtocolRoute]:
    """policy: as it is now; a reload swaps it whole."""

    async def tell(_request: web.Request) -> web.Response:
        told = metadata(issuer, policy().clients.values())
        return web.json_response(told, headers={"Cache-Control": "max-age=300"})

    return [ProtocolRoute(path, {"GET": tell}, readable="everywhere") for path in _PATHS]
