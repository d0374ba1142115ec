"""/oauth2/userinfo: what an app may know of its person."""

from aiohttp import web

from gateway.flows.oauth.userinfo import USERINFO_PATH, UserInfo
from gateway.web.middleware import REQUEST_ID
from gateway.web.protocol import ProtocolRoute


def routes(userinfo: UserInfo) -> list[ProtocolRoute]:
    """The token comes in the header only: a body may be logged, a query is (RFC 9700 section 4.3.2)."""

    async def tell(request: web.Request) -> web.Response:
        headers = request.headers
        told = await userinfo.tell(
            "GET" if request.method == "HEAD" else request.method,
            headers.getall("Authorization", []),
            headers.getall("DPoP", []),
            request[REQUEST_ID],
        )
        response = web.json_response(told.claims)
        if told.nonce:
            response.headers["DPoP-Nonce"] = told.nonce
        return response

    return [ProtocolRoute(USERINFO_PATH, {"GET": tell, "POST": tell})]
