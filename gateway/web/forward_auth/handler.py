"""The same decision over aiohttp, for set-ups that want a single port."""

from aiohttp import web

from gateway.core.forward.answer import Answer
from gateway.core.forward.check import malformed
from gateway.core.forward.request import MalformedRequest, read_request
from gateway.flows.decide.decisions import Decisions
from gateway.waiting import answer_of
from gateway.web.errors import NoSuchPage
from gateway.web.forms import AuthHost


def routes(path: str, decisions: Decisions, site: AuthHost) -> list[web.RouteDef]:
    """path "": nothing is served. A request of the auth host's own site is 404: only proxies ask (threats.md P10)."""
    if not path:
        return []

    async def verify(request: web.Request) -> web.Response:
        if site.is_named(request.headers.get("Host", "")):
            raise NoSuchPage("the decision path was asked for by a browser")
        if request.body_exists:
            return _response(malformed(MalformedRequest("a question has no body")), close=True)
        return _response(await _asked(decisions, request))

    return [web.get(path, verify)]


async def _asked(decisions: Decisions, request: web.Request) -> Answer:
    try:
        forwarded = read_request(request.raw_headers)
    except MalformedRequest as error:
        return malformed(error)
    return await answer_of(lambda waiter: decisions.start(forwarded, waiter))


def _response(answer: Answer, *, close: bool = False) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body or None)
    response.headers.clear()
    for name, value in answer.headers:
        response.headers.add(name, value)
    if close:
        response.force_close()
    return response
