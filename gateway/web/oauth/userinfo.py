"""/oauth2/userinfo: what an app may know of its person."""

from aiohttp import web

from gateway.flows.oauth.userinfo import USERINFO_PATH, UserInfo
from gateway.web.middleware import REQUEST_ID
from gateway.web.protocol import ProtocolRoute, tell_nonce


def routes(userinfo: UserInfo) -> list[ProtocolRoute]:
    """The token comes in the header only: a body may be logged, a query is (RFC 9700 section 4.3.2)."""

    async def tell(request: web.Request) -> web.Response:
        headers = request.headers
        shown = await userinfo.take(
            "GET" if request.method == "HEAD" else request.method,
            headers.getall("Authorization", []),
            headers.getall("DPoP", []),
            request[REQUEST_ID],
        )
        tell_nonce(request, shown.nonce)
        return web.json_response(await userinfo.tell(shown))

    return [ProtocolRoute(USERINFO_PATH, {"GET": tell, "POST": tell})]
