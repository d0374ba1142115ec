"""Gives a refusal the form that its client understands."""

from uuid import UUID

from gateway.core.forward.answer import Answer, html_head, json_body, json_head, own_head
from gateway.core.forward.context import Context
from gateway.core.forward.pages import Page
from gateway.core.forward.request import ForwardedRequest
from gateway.core.outcomes import Outcome


def refusal(
    context: Context,
    request: ForwardedRequest,
    status: int,
    page: Page,
    outcome: Outcome,
    *,
    error: str,
    headers: list[tuple[str, str]] | None = None,
    route: str = "",
    reason: str = "",
    subject: UUID | None = None,
) -> Answer:
    """A page for people, JSON for scripts. error: a word for scripts."""
    head = own_head(request.request_id, headers or ())
    reason = reason or error
    if request.shows_page:
        body = b"" if request.method == "HEAD" else context.render(page)
        return Answer(status, head + html_head(context.auth_origin), body, outcome, route, reason, subject)
    values = {"error": error, "message": page.detail or page.text, "request_id": request.request_id}
    return Answer(status, head + json_head(), json_body(values), outcome, route, reason, subject)
