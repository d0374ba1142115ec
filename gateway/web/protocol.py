"""What holds for endpoints that programs talk to: JSON errors, no cookie read or set, and answers for other origins.

They are a class of routes apart from pages: a page refuses fetch and OPTIONS and is never framed or prefetched, and
loosening that for endpoints would loosen it for pages (oauth.md O7).
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.core.errors import GatewayError, TooManyAttempts
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.parameters import Parameters
from gateway.web.errors import BadForm, WrongHost, retry_after_s, status_of
from gateway.web.forms import AuthHost, posted_pairs
from gateway.web.middleware import EVERYWHERE, REQUEST_ID, Failed, is_of, request_id

_MOST_BYTES: Final = 16 * 1024
_PREFLIGHT_S: Final = "600"
_SENT: Final = "Authorization, Content-Type, DPoP"
_READ: Final = "DPoP-Nonce, WWW-Authenticate"
_HEADERS: Final[Mapping[str, str]] = {
    **EVERYWHERE,
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_NEXT_NONCE: Final = web.RequestKey("next_nonce", str)
TellRefusal: TypeAlias = Callable[[str, str], None]
_LOG: Final = logging.getLogger("gateway.web")


@dataclass(frozen=True, slots=True)
class ProtocolRoute:
    """handlers: by method; HEAD is answered as GET. A handler reads no cookie, and sets none.

    readable: which origins' scripts may read the answers, never with credentials: all, or those of clients.
    """

    path: str
    handlers: Mapping[str, Handler]
    readable: Literal["everywhere", "by clients"] = "by clients"

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(sorted({*self.handlers, "OPTIONS", *(("HEAD",) if "GET" in self.handlers else ())}))

    def handler(self, method: str) -> Handler:
        """Raises web.HTTPMethodNotAllowed."""
        found = self.handlers.get("GET" if method == "HEAD" else method)
        if found is None:
            raise web.HTTPMethodNotAllowed(method, self.methods)
        return found


def tell_nonce(request: web.Request, nonce: str) -> None:
    """The answer brings it for the client's next DPoP proof, also where it is a refusal. "": none is due."""
    request[_NEXT_NONCE] = nonce


async def form_parameters(request: web.Request) -> Parameters:
    """Raises OAuthError where the body is no form."""
    try:
        return Parameters.of(await posted_pairs(request))
    except BadForm as error:
        raise OAuthError("invalid_request", str(error)) from error


def protocol_routes(endpoints: Iterable[ProtocolRoute]) -> list[web.RouteDef]:
    """Each path takes all methods, so that it answers wrong ones in its own words."""
    return [web.route("*", one.path, _dispatched(one)) for one in endpoints]


def protocol_middleware(
    site: AuthHost,
    endpoints: Iterable[ProtocolRoute],
    random: Callable[[int], bytes],
    is_clients: Callable[[str], bool],
    failed: Failed,
    refused: TellRefusal,
) -> Middleware:
    """The outermost one: what it answers meets none of the pages' middlewares. is_clients: whether an origin is one of
    a client's.

    failed: hears of every error but those that are the client's own. refused: of what the client is told, by path and
    error.
    """
    by_path = {one.path: one for one in endpoints}

    @web.middleware
    async def speak(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        endpoint = None if resource is None else by_path.get(resource.canonical)
        if endpoint is None:
            return await handler(request)
        request[REQUEST_ID] = request_id(request, random)
        try:
            response = await _answer(request, endpoint, site)
        except Exception as error:  # noqa: BLE001 - the client gets JSON, the log gets the rest
            if not isinstance(error, (OAuthError, web.HTTPException)):
                failed(error)
            said = _said(error)
            refused(endpoint.path, said.error)
            response = _refusal(request, error, said)
        for name, value in {**_HEADERS, **_sharing(request, endpoint, is_clients), **_next_nonce(request)}.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = request[REQUEST_ID]
        return response

    return speak


def _dispatched(endpoint: ProtocolRoute) -> Handler:
    async def dispatch(request: web.Request) -> web.StreamResponse:
        return await endpoint.handler(request.method)(request)

    return dispatch


async def _answer(request: web.Request, endpoint: ProtocolRoute, site: AuthHost) -> web.StreamResponse:
    if not is_of(request, site):
        raise WrongHost("Host is not the auth host")
    if (request.content_length or len(await request.read())) > _MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(_MOST_BYTES, request.content_length or 0)
    if request.method == "OPTIONS":
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(endpoint.methods)})
    return await request.match_info.handler(request)


def _sharing(request: web.Request, endpoint: ProtocolRoute, is_clients: Callable[[str], bool]) -> Mapping[str, str]:
    """The headers that let a script of another origin read the answer."""
    if endpoint.readable == "everywhere":
        shared = {"Access-Control-Allow-Origin": "*"}
    else:
        given = request.headers.getall("Origin", [])
        if len(given) != 1 or not is_clients(given[0]):
            return {"Vary": "Origin"}
        shared = {"Access-Control-Allow-Origin": given[0], "Vary": "Origin"}
    if request.method != "OPTIONS":
        return {**shared, "Access-Control-Expose-Headers": _READ}
    methods = ", ".join(endpoint.methods)
    return {
        **shared,
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Max-Age": _PREFLIGHT_S,
    }


def _next_nonce(request: web.Request) -> Mapping[str, str]:
    nonce = request.get(_NEXT_NONCE, "")
    return {"DPoP-Nonce": nonce} if nonce else {}


def _refusal(request: web.Request, error: Exception, said: OAuthError) -> web.Response:
    server_error = said.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    _LOG.log(
        logging.ERROR if server_error else logging.INFO,
        "refused",
        extra={"request_id": request[REQUEST_ID], "status": said.status, "path": request.path, "why": str(error)},
        exc_info=None if isinstance(error, (GatewayError, web.HTTPException)) else error,
    )
    body = {"error": said.error} | ({"error_description": said.description} if said.description else {})
    response = web.json_response(body, status=said.status)
    if said.challenge:
        response.headers["WWW-Authenticate"] = said.challenge
    if said.nonce:
        response.headers["DPoP-Nonce"] = said.nonce
    if said.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        response.headers["Retry-After"] = str(retry_after_s(error))
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return response


def _said(error: Exception) -> OAuthError:
    """What the client reads; of an error that is ours it learns only that."""
    match error:
        case OAuthError():
            return error
        case web.HTTPException():
            return OAuthError("invalid_request", error.reason, error.status)
        case TooManyAttempts():
            return OAuthError("temporarily_unavailable", "too many requests", HTTPStatus.TOO_MANY_REQUESTS)
        case BadForm() | WrongHost():
            return OAuthError("invalid_request", str(error), status_of(error))
        case GatewayError() if status_of(error) == HTTPStatus.SERVICE_UNAVAILABLE:
            return OAuthError("temporarily_unavailable", status=HTTPStatus.SERVICE_UNAVAILABLE)
        case _:
            return OAuthError("server_error", status=HTTPStatus.INTERNAL_SERVER_ERROR)
