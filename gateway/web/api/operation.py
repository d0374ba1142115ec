"""What an operation of the API is, and how what a caller sends becomes what its handler takes."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from aiohttp import web
from pydantic import ValidationError

from gateway.core.admin.acts import AdminAct
from gateway.flows.admin.console import AdminActor
from gateway.web.api.problems import BadInput, NoPrecondition, NotJson
from gateway.web.api.shapes import ApiAnswer, Given

G = TypeVar("G", bound=Given)
ETAG: Final = r'^"(0|[1-9][0-9]{0,17})"$'
_JSON: Final = "application/json"
_UTF_8: Final = "utf-8"


@dataclass(frozen=True, slots=True)
class Call:
    """path: what the placeholders of the operation's path stand for. seen: the revision of If-Match."""

    who: AdminActor
    request_id: str
    path: Mapping[str, str]
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Operation(Generic[G]):
    """given: the query of a GET, else the body. act: what the token's role must be allowed; a flow that changes
    something asks again in its transaction. conditional: it wants If-Match. may: statuses beside those of all.
    """

    name: str
    method: Literal["GET", "POST", "PUT"]
    path: str
    summary: str
    act: AdminAct
    given: type[G]
    answer: type[ApiAnswer]
    handle: Callable[[Call, G], Awaitable[ApiAnswer]]
    conditional: bool = False
    may: tuple[int, ...] = ()

    async def run(self, request: web.Request, who: AdminActor, request_id: str) -> ApiAnswer:
        """Raises MayNot before anything is read, BadInput, NotJson, NoPrecondition, and what the handler raises."""
        who.require(self.act)
        seen = _seen(request) if self.conditional else 0
        return await self.handle(Call(who, request_id, request.match_info, seen), await self._given(request))

    async def _given(self, request: web.Request) -> G:
        try:
            if self.method == "GET":
                return self.given.model_validate(_query(request))
            return self.given.model_validate_json(await _body(request))
        except ValidationError as error:
            raise _errors_of(error) from error


AnyOperation = Operation[Any]


async def _body(request: web.Request) -> bytes:
    if request.query_string:
        raise BadInput([("query", "this operation takes none")])
    charset = (request.charset or _UTF_8).lower()
    if request.content_type != _JSON or charset != _UTF_8 or "Content-Encoding" in request.headers:
        raise NotJson("the body is no JSON")
    return await request.read()


def _errors_of(error: ValidationError) -> BadInput:
    """Without what was sent: it may be personal, and answers reach logs."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return BadInput([(".".join(map(str, one["loc"])) or "body", one["msg"]) for one in found])


def _query(request: web.Request) -> Mapping[str, str]:
    if len(set(request.query)) != len(request.query):
        raise BadInput([("query", "a parameter came twice")])
    return dict(request.query)


def _seen(request: web.Request) -> int:
    given = request.headers.getall("If-Match", [])
    if not given:
        raise NoPrecondition("If-Match is missing")
    found = re.fullmatch(ETAG.removesuffix("$"), given[0]) if len(given) == 1 else None
    if found is None:
        raise BadInput([("If-Match", "expected one ETag of this setting")])
    return int(found[1])
