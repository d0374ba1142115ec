"""Who may come to the API and how each of its answers looks. The middleware is outside of those of pages: no cookie is
read or set here, no origin may read an answer, and what fails is a problem and no page.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.core.admin.rules import ConsoleRules
from gateway.core.errors import GatewayError
from gateway.flows.admin.console import AdminActor
from gateway.flows.admin.tokens import AdminTokens
from gateway.web.api.operation import AnyOperation
from gateway.web.api.problems import NoToken, problem_of
from gateway.web.api.shapes import ApiAnswer, Revised
from gateway.web.errors import WrongHost
from gateway.web.forms import AuthHost, client_address
from gateway.web.middleware import EVERYWHERE, REQUEST_ID, Failed, is_of, request_id
from gateway.web.ways import CONSOLE_PATH

API_PATH: Final = f"{CONSOLE_PATH}/api/v1"
_BELOW: Final = f"{CONSOLE_PATH}/api"
_HEADERS: Final[Mapping[str, str]] = {
    **EVERYWHERE,
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_WHO: Final = web.RequestKey("who", AdminActor)
_LOG: Final = logging.getLogger("gateway.web")


@dataclass(frozen=True, slots=True)
class ApiDoor:
    """rules: from where the console answers at all. failed: hears of every error."""

    site: AuthHost
    rules: ConsoleRules
    tokens: AdminTokens
    random: Callable[[int], bytes]
    failed: Failed

    def routes(self, operations: Sequence[AnyOperation]) -> list[web.RouteDef]:
        """Each path takes all methods, so that it answers wrong ones in its own words."""
        paths: dict[str, dict[str, AnyOperation]] = {}
        for one in operations:
            paths.setdefault(one.path, {})[one.method] = one
        return [web.route("*", API_PATH + path, _dispatched(by_method)) for path, by_method in paths.items()]

    def middleware(self) -> Middleware:
        """The outermost one."""

        @web.middleware
        async def speak(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path != _BELOW and not request.path.startswith(f"{_BELOW}/"):
                return await handler(request)
            request[REQUEST_ID] = request_id(request, self.random)
            try:
                response = await self._answer(request)
            except Exception as error:  # noqa: BLE001 - the caller gets a problem, the log gets the rest
                response = self._refusal(request, error)
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
            response.headers["X-Request-Id"] = request[REQUEST_ID]
            return response

        return speak

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Whoever has no token learns not even which addresses there are."""
        if not is_of(request, self.site):
            raise WrongHost("Host is not the auth host")
        address = client_address(request)
        if not self.rules.reaches(address):
            raise web.HTTPNotFound
        token = _bearer(request)
        who = await self.tokens.find(token, address) if token else None
        if who is None:
            raise NoToken("no token that counts")
        request[_WHO] = who
        resource = request.match_info.route.resource
        if resource is None or not resource.canonical.startswith(f"{API_PATH}/"):
            raise web.HTTPNotFound
        return await request.match_info.handler(request)

    def _refusal(self, request: web.Request, error: Exception) -> web.Response:
        is_http = isinstance(error, web.HTTPException)
        if not is_http:
            self.failed(error)
        response = problem_of(error, request[REQUEST_ID])
        ours = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        _LOG.log(
            logging.ERROR if ours else logging.INFO,
            "refused",
            extra={"request_id": request[REQUEST_ID], "status": response.status, "why": type(error).__name__},
            exc_info=None if is_http or isinstance(error, GatewayError) else error,
        )
        return response


def _dispatched(by_method: Mapping[str, AnyOperation]) -> Handler:
    methods = sorted({*by_method, *(("HEAD",) if "GET" in by_method else ())})

    async def dispatch(request: web.Request) -> web.StreamResponse:
        found = by_method.get("GET" if request.method == "HEAD" else request.method)
        if found is None:
            raise web.HTTPMethodNotAllowed(request.method, methods)
        return _response(await found.run(request, request[_WHO], request[REQUEST_ID]))

    return dispatch


def _response(answer: ApiAnswer) -> web.Response:
    headers = {"ETag": f'"{answer.revision}"'} if isinstance(answer, Revised) else {}
    body = answer.model_dump_json(by_alias=True).encode()
    return web.Response(body=body, content_type="application/json", headers=headers)


def _bearer(request: web.Request) -> str:
    """ "" where there is none, or more than one."""
    lines = request.headers.getall("Authorization", [])
    scheme, _, token = lines[0].partition(" ") if len(lines) == 1 else ("", "", "")
    return token if scheme.lower() == "bearer" else ""
