"""/oauth2/introspect: what a token is worth now (RFC 7662)."""

from typing import Final

from aiohttp import web

from gateway.core.oauth.errors import OAuthError
from gateway.flows.oauth.authenticate_client import ClientAuthentication
from gateway.flows.oauth.introspect import Introspection
from gateway.web.oauth.token import read_sent
from gateway.web.protocol import ProtocolRoute

INTROSPECT_PATH: Final = "/oauth2/introspect"


def routes(clients: ClientAuthentication, introspection: Introspection) -> list[ProtocolRoute]:
    """Clients that prove nothing are anybody (RFC 7662 section 2.1). The type hint is not needed."""

    async def describe(request: web.Request) -> web.Response:
        sent = await read_sent(request, INTROSPECT_PATH)
        client = await clients.authenticate(sent)
        await clients.spend(client, sent.address)
        if client.authentication == "none":
            raise OAuthError("unauthorized_client", "a client has to authenticate here", 403)
        return web.json_response(await introspection.describe(client, sent.parameters.required("token")))

    return [ProtocolRoute(INTROSPECT_PATH, {"POST": describe})]
