"""Gives a refusal the form that its client understands."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from gateway.core.forward.answer import Answer, html_head, json_body, json_head, own_head
from gateway.core.forward.context import Context
from gateway.core.forward.pages import Page
from gateway.core.forward.request import ClientKind, ForwardedRequest
from gateway.core.outcomes import Outcome
from gateway.core.policy.route import Route

_NOT_FRAMED: Final = "'none'"


def refusal(
    context: Context,
    request: ForwardedRequest,
    status: int,
    page: Page,
    outcome: Outcome,
    *,
    error: str,
    headers: list[tuple[str, str]] | None = None,
    route: Route | str = "",
    reason: str = "",
    subject: UUID | None = None,
) -> Answer:
    """A page for people, JSON for scripts. error: a word for scripts. route: or the name of a place without policy.

    The route's frame ancestors may show its refusals. There, links lead out of the frame: most lead to the auth host,
    which no frame shows.
    """
    head = own_head(request.request_id, headers or ())
    reason = reason or error
    name, ancestors = (route, _NOT_FRAMED) if isinstance(route, str) else (route.name, route.frame_ancestors)
    if request.shows_page:
        if request.client is ClientKind.FRAME:
            page = replace(page, links=tuple(replace(link, top=True) for link in page.links))
        head += html_head(context.auth_origin, ancestors)
        body = b"" if request.method == "HEAD" else context.render(page)
        return Answer(status, head, body, outcome, name, reason, subject)
    values = {"error": error, "message": page.detail or page.text, "request_id": request.request_id}
    return Answer(status, head + json_head(), json_body(values), outcome, name, reason, subject)
