"""Owns what a policy should not leave unsaid where an app checks its own credentials: there the app is the lock."""

from collections.abc import Iterator

from gateway.core.analysis.warning import PolicyWarning
from gateway.core.forward.names import is_taken
from gateway.core.policy.conditions import brought_tokens
from gateway.core.policy.model import Policy
from gateway.core.policy.route import Leg, Route
from gateway.core.ratelimit.gcra import Per


def of_app_tokens(policy: Policy) -> Iterator[PolicyWarning]:
    for route in policy.routes:
        for leg in opened_by_app(route):
            if not route.note:
                yield from _app_decides(route, leg)
                yield from _secret_in_url(route, leg)
            yield from _never_there(route, leg)
        yield from _uncounted(route)


def opened_by_app(route: Route) -> list[Leg]:
    """The legs by which nobody comes in whom Bastion knows, because the app checks."""
    return [leg for leg in route.legs if not leg.people and brought_tokens(leg.condition)]


def _app_decides(route: Route, leg: Leg) -> Iterator[PolicyWarning]:
    names = " or ".join(sorted(token.name for token in brought_tokens(leg.condition)))
    message = (
        f"{route.name} lets in every client that sends something as app token {names}: the app alone checks it; say in "
        "`note` that it does"
    )
    yield PolicyWarning(route.place, "app-decides", message)


def _secret_in_url(route: Route, leg: Leg) -> Iterator[PolicyWarning]:
    for token in brought_tokens(leg.condition):
        for name in sorted(token.parameters):
            message = (
                f"{route.name} takes app token {token.name} from the URL (?{name}=): logs, histories and Referer keep "
                "it; take the header alone, or say why in `note`"
            )
            yield PolicyWarning(route.place, "secret-in-url", message)


def _never_there(route: Route, leg: Leg) -> Iterator[PolicyWarning]:
    for token in brought_tokens(leg.condition):
        for header in token.headers:
            if is_taken(header.name):
                message = (
                    f"app token {token.name} of {route.name} is read from {header.name.decode()}, which Bastion takes "
                    "away from what clients send, as only proxies write it: nobody comes in by it; name another header"
                )
                yield PolicyWarning(leg.place, "no-app-token", message)


def _uncounted(route: Route) -> Iterator[PolicyWarning]:
    """Whoever guesses at the app's credentials has no session, so only an address can be counted, or everyone."""
    if opened_by_app(route) and all(limit.per is Per.PRINCIPAL for limit in route.anonymous_limits):
        message = (
            f"{route.name} lets the app check its own credentials, and no limit counts clients without a session: "
            "guessing them costs nothing; add a limit with per: ip"
        )
        yield PolicyWarning(route.place, "app-unlimited", message)
