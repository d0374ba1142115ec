"""What the decision path depends on beside the request; a reload of policy makes a new one."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.forward.answer import Answer, Outcome, html_head, json_body, json_head, own_head
from gateway.core.forward.identity import People
from gateway.core.forward.pages import Page
from gateway.core.forward.request import Client, ForwardedRequest
from gateway.core.keys import Keys
from gateway.core.policy.model import Policy

RANDOM_BYTES = 44  # for one request: 32 of a way cookie, 12 of a nonce


@dataclass(frozen=True, slots=True)
class Context:
    """auth_origin: where people log in. origin_of: a protected host's origin, from configuration (threats.md H3).

    render: a page as bytes; pure.
    """

    policy: Policy
    keys: Keys
    people: People
    auth_origin: str
    origin_of: Callable[[str], str]
    render: Callable[[Page], bytes]


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
) -> Answer:
    """In the form that the client understands: a page for people, JSON for scripts. error: a word for scripts."""
    head = own_head(request.request_id, headers or ())
    if request.client in (Client.NAVIGATION, Client.FRAME):
        body = b"" if request.method == "HEAD" else context.render(page)
        return Answer(status, head + html_head(context.auth_origin), body, outcome, route, reason or error)
    values = {"error": error, "message": page.detail or page.text, "request_id": request.request_id}
    return Answer(status, head + json_head(), json_body(values), outcome, route, reason or error)
