"""What is kept of a refused request, as text that can be sealed: enough to judge it once more, and no query."""

from typing import Final

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import ForwardedRequest

PATH_CHARS: Final = 200
LIST_END: Final = "\n"  # no group and no scope has one


def facts_of(request: ForwardedRequest, answer: Answer) -> dict[str, str]:
    """Names of facts and their text; what is not known is left out."""
    facts = {
        "method": request.method,
        "host": request.host,
        "path": request.path[:PATH_CHARS],
        "cut": "yes" if len(request.path) > PATH_CHARS else "",
        "kind": request.client.value,
        "address": "" if request.address is None else str(request.address),
        "origin": (request.origin or "")[:PATH_CHARS],
        "site": (request.fetch_site or "")[:PATH_CHARS],
        "preflight": (request.requested_method or "")[:PATH_CHARS],
        **_actor(answer),
    }
    return {name: text for name, text in facts.items() if text}


def _actor(answer: Answer) -> dict[str, str]:
    actor = answer.actor
    if actor is None:
        return {}
    proven = actor.assurance
    return {
        "user": actor.user,
        "groups": LIST_END.join(sorted(actor.groups)),
        "authenticated_at": str(proven.authenticated_at),
        "mfa_at": str(proven.mfa_at),
        "amr": str(proven.amr),
        "risk": str(proven.risk),
        "credential": actor.credential,
        "client": actor.client,
        "scopes": LIST_END.join(sorted(actor.scopes)),
        "dpop": "yes" if actor.dpop else "",
    }
