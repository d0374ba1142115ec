"""/oauth2/token: codes, refresh tokens and client credentials become tokens (RFC 6749 section 3.2)."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.core.oauth.clients import Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.grants import GRANT_TYPES, Redemption
from gateway.flows.oauth.authenticate_client import TOKEN_PATH, ClientAuthentication, Sent
from gateway.flows.oauth.exchange import CodeExchange
from gateway.flows.oauth.issue import Issued
from gateway.flows.oauth.proofs import ProofCheck
from gateway.flows.oauth.refresh import RefreshAsked, RefreshExchange
from gateway.flows.oauth.service_tokens import ServiceTokens
from gateway.web.forms import client_address
from gateway.web.middleware import REQUEST_ID
from gateway.web.protocol import ProtocolRoute, form_parameters, tell_nonce


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """ready: raises NoSigningKey where the client's tokens can't be signed. count: hears the grant type of each answer
    with tokens.
    """

    ready: Callable[[Client], None]
    clients: ClientAuthentication
    proofs: ProofCheck
    codes: CodeExchange
    refreshes: RefreshExchange
    services: ServiceTokens
    count: Callable[[str], None]


def routes(endpoint: TokenEndpoint) -> list[ProtocolRoute]:
    async def issue(request: web.Request) -> web.Response:
        sent = await read_sent(request, TOKEN_PATH)
        grant_type = sent.parameters.required("grant_type")
        if grant_type not in GRANT_TYPES:
            raise OAuthError("unsupported_grant_type", f"grant_type is none of {', '.join(GRANT_TYPES)}")
        client = await endpoint.clients.authenticate(sent)
        await endpoint.clients.spend(client, sent.address)
        if grant_type not in client.grants:
            raise OAuthError("unauthorized_client", "the client may not use this grant_type")
        shown = await endpoint.proofs.check(sent.proofs, "POST", TOKEN_PATH, sent.request_id)
        tell_nonce(request, shown.nonce)
        if client.dpop_required and not shown.jkt:
            raise OAuthError("invalid_dpop_proof", "this client has to prove a key")
        endpoint.ready(client)
        issued = await _issued(endpoint, grant_type, client, sent, shown.jkt)
        endpoint.count(grant_type)
        return web.json_response(_body(issued), headers={"Pragma": "no-cache"})

    return [ProtocolRoute(TOKEN_PATH, {"POST": issue})]


async def read_sent(request: web.Request, path: str) -> Sent:
    """What came to an endpoint that takes a form. Raises OAuthError."""
    return Sent(
        path=path,
        parameters=await form_parameters(request),
        authorization=request.headers.getall("Authorization", []),
        proofs=request.headers.getall("DPoP", []),
        address=client_address(request),
        request_id=request[REQUEST_ID],
    )


async def _issued(endpoint: TokenEndpoint, grant_type: str, client: Client, sent: Sent, jkt: str) -> Issued:
    given = sent.parameters
    resource = given.get("resource")
    match grant_type:
        case "authorization_code":
            redemption = Redemption(
                client.id, given.required("redirect_uri"), given.get("code_verifier"), resource, jkt
            )
            return await endpoint.codes.exchange(client, given.required("code"), redemption, sent.request_id)
        case "refresh_token":
            token, scope = given.required("refresh_token"), given.get("scope")
            return await endpoint.refreshes.exchange(client, RefreshAsked(token, scope, resource, jkt, sent.request_id))
        case _:
            return await endpoint.services.issue(client, given.get("scope"), resource, jkt, sent.request_id)


def _body(issued: Issued) -> dict[str, object]:
    """RFC 6749 section 5.1."""
    body: dict[str, object] = {
        "access_token": issued.access_token,
        "token_type": issued.token_type,
        "expires_in": issued.expires_in,
        "scope": " ".join(issued.scopes),
    }
    more = {"refresh_token": issued.refresh_token, "id_token": issued.id_token}
    return body | {name: value for name, value in more.items() if value}
