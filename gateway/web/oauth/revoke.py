"""/oauth2/revoke: an app gives back what it got (RFC 7009)."""

from typing import Final

from aiohttp import web

from gateway.flows.oauth.authenticate_client import ClientAuthentication
from gateway.flows.oauth.introspect import Revocation
from gateway.web.oauth.token import read_sent
from gateway.web.protocol import ProtocolRoute

REVOKE_PATH: Final = "/oauth2/revoke"


def routes(clients: ClientAuthentication, revocation: Revocation) -> list[ProtocolRoute]:
    """200 for what is no token of the client too, so that nobody learns whose it is. The type hint is not needed."""

    async def revoke(request: web.Request) -> web.Response:
        sent = await read_sent(request, REVOKE_PATH)
        client = await clients.authenticate(sent)
        await clients.spend(client, sent.address)
        await revocation.revoke(client, sent.parameters.required("token"), sent.request_id)
        return web.Response()

    return [ProtocolRoute(REVOKE_PATH, {"POST": revoke})]
