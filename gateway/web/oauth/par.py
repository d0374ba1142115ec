"""/oauth2/par: clients push what they want people to be asked for (RFC 9126)."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.core.oauth.errors import OAuthError
from gateway.flows.oauth.authenticate_client import ClientAuthentication
from gateway.flows.oauth.par import PUSHED_S, Par, TooManyPushed
from gateway.flows.oauth.proofs import ProofCheck
from gateway.web.oauth.token import read_sent
from gateway.web.protocol import ProtocolRoute, tell_nonce

PAR_PATH: Final = "/oauth2/par"


def routes(clients: ClientAuthentication, proofs: ProofCheck, par: Par) -> list[ProtocolRoute]:
    async def push(request: web.Request) -> web.Response:
        sent = await read_sent(request, PAR_PATH)
        client = await clients.authenticate(sent)
        await par.spend(client, sent.address)
        shown = await proofs.check(sent.proofs, "POST", PAR_PATH, sent.request_id)
        tell_nonce(request, shown.nonce)
        try:
            request_uri = await par.push(client, sent.parameters, shown.jkt)
        except TooManyPushed as error:
            raise OAuthError("temporarily_unavailable", str(error), HTTPStatus.SERVICE_UNAVAILABLE) from error
        body = {"request_uri": request_uri, "expires_in": PUSHED_S}
        return web.json_response(body, status=HTTPStatus.CREATED)

    return [ProtocolRoute(PAR_PATH, {"POST": push})]
