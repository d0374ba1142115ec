"""The only table from errors to what the API says of them (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web
from pydantic import Field

from gateway.core.admin.live_limits import BadSetting
from gateway.core.analysis.tried import BadTry
from gateway.core.errors import GatewayError, TooManyAttempts
from gateway.core.privacy.names import BadName
from gateway.flows.act import RedisBehind
from gateway.flows.admin.console import MayNot
from gateway.flows.admin.live_settings import ChangedBySomebody, ReadOnly
from gateway.flows.admin.people import NobodyThere
from gateway.flows.people.owners import LastOwner
from gateway.flows.people.users import BadReason, ChangedMeanwhile, NoWayForMail, UnknownLogin
from gateway.web.api.shapes import ApiAnswer
from gateway.web.errors import WrongHost, retry_after_s, status_of

PROBLEM_TYPE: Final = "application/problem+json"
_TYPE: Final = "urn:bastion:problem:"
_PASSING: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class BadInput(GatewayError):
    """What was sent is not of the form that the OpenAPI document has. errors: place and what is wrong there."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__("the request is not of the form that openapi.json has")
        self.errors = errors


class NoToken(GatewayError):
    """No token, or one that is worth nothing now and from there. The answer is the same for all of it."""


class NotJson(GatewayError):
    """The body has another type."""


class NoPrecondition(GatewayError):
    """A setting is changed by who says which revision they saw."""


class FieldProblem(ApiAnswer):
    """at: a place in the body, or the name of a parameter."""

    at: str
    what: str


class ApiProblem(ApiAnswer):
    """RFC 9457. request_id: of the log, for whoever looks after the gateway."""

    type: str = Field(description="A URN; docs/admin.md lists all. It never changes.")
    title: str
    status: int
    detail: str
    request_id: str
    errors: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kind:
    """name: the end of the type. detail "": what the error says."""

    status: int
    name: str
    title: str
    detail: str = ""


_AGAIN: Final = "Only Redis has not heard all of it. Send it again: that tells Redis and does no harm."
_AWAY: Final = "A store does not answer. Whether a change has happened is not known: look, and repeat it."
_NO_MAIL: Final = "An invitation needs mail.smtp or mail.directory in the configuration."
_NO_TOKEN: Final = "The request brings no token that counts now and from this address."
_KINDS: Final[Mapping[type[Exception], _Kind]] = {
    BadInput: _Kind(400, "malformed", "The request is malformed"),
    NoToken: _Kind(401, "unauthorized", "No token that counts", _NO_TOKEN),
    MayNot: _Kind(403, "may-not", "The role may not do this"),
    NobodyThere: _Kind(404, "not-found", "There is nothing here"),
    UnknownLogin: _Kind(404, "not-found", "There is nothing here"),
    web.HTTPNotFound: _Kind(404, "not-found", "There is nothing here", "Nothing is at this address."),
    web.HTTPMethodNotAllowed: _Kind(405, "method", "The address takes other methods", "Allow says which."),
    LastOwner: _Kind(409, "last-owner", "Nobody could give roles any more"),
    ChangedMeanwhile: _Kind(409, "changed-meanwhile", "Somebody else changed it in the same moment"),
    ReadOnly: _Kind(409, "read-only", "Settings are changed in the file"),
    NoWayForMail: _Kind(409, "no-mail", "Nobody can be invited", _NO_MAIL),
    ChangedBySomebody: _Kind(412, "changed-meanwhile", "Somebody else changed it meanwhile"),
    web.HTTPRequestEntityTooLarge: _Kind(413, "too-large", "The body is too large", "A body has 40 KiB at most."),
    NotJson: _Kind(415, "media-type", "The body is no JSON", "Send application/json in UTF-8, not compressed."),
    WrongHost: _Kind(421, "wrong-host", "This server doesn't answer for that name"),
    BadReason: _Kind(422, "refused", "A value can't be taken"),
    BadName: _Kind(422, "refused", "A value can't be taken"),
    BadSetting: _Kind(422, "refused", "A value can't be taken"),
    BadTry: _Kind(422, "refused", "A value can't be taken"),
    NoPrecondition: _Kind(428, "no-precondition", "If-Match is missing", "Send the ETag of the setting as If-Match."),
    TooManyAttempts: _Kind(429, "too-many", "Too many acts", "Retry-After says when to go on."),
    RedisBehind: _Kind(503, "redis-behind", "Recorded, and Redis has still to learn of it", _AGAIN),
}
_UNAVAILABLE: Final = _Kind(503, "unavailable", "A store does not answer", _AWAY)
_OURS: Final = _Kind(500, "error", "Something went wrong", "The log has more under the request's id.")


def problem_of(error: Exception, request_id: str) -> web.Response:
    """The answer to a request that failed."""
    kind = _kind(error)
    errors = error.errors if isinstance(error, BadInput) else ()
    said = ApiProblem(
        type=_TYPE + kind.name,
        title=kind.title,
        status=kind.status,
        detail=kind.detail or str(error),
        request_id=request_id,
        errors=tuple(FieldProblem(at=at, what=what) for at, what in errors),
    )
    body = said.model_dump_json().encode()
    return web.Response(body=body, status=kind.status, content_type=PROBLEM_TYPE, headers=_headers(error, kind))


def _kind(error: Exception) -> _Kind:
    for each in type(error).__mro__:
        if each in _KINDS:
            return _KINDS[each]
    unavailable = isinstance(error, GatewayError) and status_of(error) == HTTPStatus.SERVICE_UNAVAILABLE
    return _UNAVAILABLE if unavailable else _OURS


def _headers(error: Exception, kind: _Kind) -> Mapping[str, str]:
    if isinstance(error, NoToken):
        return {"WWW-Authenticate": 'Bearer realm="bastion"'}
    if isinstance(error, web.HTTPMethodNotAllowed):
        return {"Allow": ", ".join(sorted(error.allowed_methods))}
    return {"Retry-After": str(retry_after_s(error))} if kind.status in _PASSING else {}
