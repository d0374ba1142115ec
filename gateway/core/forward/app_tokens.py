"""Finds in a request what the app will take for a credential of its own. It is told to nobody and taken from nobody."""

from collections.abc import Collection
from typing import Final

from gateway.core.forward.credentials import scheme_and_text
from gateway.core.forward.request import ForwardedRequest
from gateway.core.policy.app_tokens import AUTHORIZATION, app_tokens_in
from gateway.core.policy.facts import NO_APP_TOKENS
from gateway.core.policy.route import Route

_BASIC: Final = b"basic"
_Lines = list[tuple[bytes, bytes]]


def app_tokens_of(request: ForwardedRequest, route: Route, gone: Collection[bytes]) -> frozenset[str]:
    """Names of the route's that are there, and that reach the app. gone: of headers that don't, see kept_from_app."""
    if not route.app_tokens:
        return NO_APP_TOKENS
    lines = _kept([*request.credential_lines, *request.app_lines], gone)
    return app_tokens_in(route.app_tokens, lines, request.query)


def sends_basic_by_itself(request: ForwardedRequest, route: Route, gone: Collection[bytes]) -> bool:
    """Whether a browser can have been made to send the app's own credential (X6). gone: as for app_tokens_of."""
    if not any(one.is_basic for one in route.app_tokens):
        return False
    lines = _kept(request.credential_lines, gone)
    return any(name == AUTHORIZATION and scheme_and_text(line)[0] == _BASIC for name, line in lines)


def _kept(lines: _Lines, gone: Collection[bytes]) -> _Lines:
    """Without every line of what goes: Caddy deletes headers by name."""
    return [pair for pair in lines if pair[0] not in gone] if gone else lines
