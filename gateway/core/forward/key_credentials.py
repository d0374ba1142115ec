"""Reads the API key that a request brings in place of a session or a token: where the route says, and nowhere else.

A Bearer that begins like a key is one; where no tokens are accepted, any Bearer stands for a key, good or bad. Basic is
a key where the route says so, whatever the user name is. No cookie is a second chance.
"""

import binascii
from base64 import b64decode
from typing import Final

from gateway.core.forward.credentials import (
    LONGEST_LINE,
    Brought,
    CredentialFault,
    Scheme,
    consumable,
    rest_of_line,
    scheme_and_text,
    token_scheme,
)
from gateway.core.forward.proxy import EARLIER
from gateway.core.forward.request import ForwardedRequest
from gateway.core.policy.key_places import KEY_PREFIX
from gateway.core.policy.route import Route
from gateway.core.principal.ask import Presented, Standing
from gateway.core.token.api_key import KEY_CHARS, ApiKeys

_AUTHORIZATION: Final = b"authorization"
_BASIC_LINE: Final = b"\r\nAuthorization: Basic "  # as Go spells the name


class BroughtKey:
    """A key whose MAC was right. names: of the headers that it, and other keys beside it, came in."""

    def __init__(self, presented: Presented, scheme: Scheme, names: list[bytes]) -> None:
        self.presented = presented
        self.scheme = scheme
        self.names = names

    @property
    def is_ambient(self) -> bool:
        """Whether a browser sends it by itself, with requests of other sites too (X6)."""
        return self.scheme == "Basic"

    def fault_by(self, outcome: Standing) -> CredentialFault | None:
        """What the store says against it; None: nothing."""
        if outcome is Standing.LIVE:
            return None
        return _fault(self.scheme, "the key has ended, or rests", of_stranger=False)

    def is_elsewhere(self) -> CredentialFault:
        return _fault(self.scheme, "the key is not for this host")


def read_key(request: ForwardedRequest, route: Route, keys: ApiKeys) -> BroughtKey | CredentialFault | None:
    """None: the request brings none where the route accepts one."""
    found = _candidates(request, route)
    if not found:
        return None
    name, scheme, text = found[0]
    if len(found) > 1 or _has_token_beside(request, route, name):
        return CredentialFault(scheme, "invalid_request", "more than one credential came", 400, of_stranger=True)
    if request.proxy is EARLIER:
        why = "this site's proxy can't take a key from the app"
        return CredentialFault(scheme, "temporarily_unavailable", why, 503)
    presented = keys.presented(text) if len(text) == KEY_CHARS else None
    if presented is None:
        return _fault(scheme, "the key is not good")
    return BroughtKey(presented, scheme, _names(request, name, keys))


def kept_from_app(request: ForwardedRequest, token: Brought | BroughtKey | None, keys: ApiKeys) -> list[bytes]:
    """Names of headers that the app does not see: of what let the request in, and of a key that the route did not look
    at. It opens other hosts, and programs send it to paths for anybody too.
    """
    if isinstance(token, BroughtKey):
        return token.names
    if token is not None:
        return consumable(request)
    return [name for name, line in request.credential_lines if _holds_key(name, line, keys)]


def bring_key(question: bytes, keys: ApiKeys) -> bool:
    """Whether these bytes of a question bring a key with a right MAC. Only who is served first may depend on it."""
    at = question.find(KEY_PREFIX)
    if at >= 0:
        return keys.presented(question[at : at + KEY_CHARS].decode("latin-1")) is not None
    encoded = rest_of_line(question, _BASIC_LINE)
    return encoded is not None and keys.presented(_password(encoded)) is not None


def _candidates(request: ForwardedRequest, route: Route) -> list[tuple[bytes, Scheme, str]]:
    """Header, scheme and text of all that stands where the route takes keys from."""
    places = route.key_places
    found = list[tuple[bytes, Scheme, str]]()
    for name, line in request.credential_lines:
        if name != _AUTHORIZATION:
            if name.decode("latin-1") in places.headers:
                found.append((name, "Bearer", line.decode("latin-1")))
            continue
        kind, rest = scheme_and_text(line[:LONGEST_LINE])
        if kind == b"bearer" and places.bearer and (rest[:4] == KEY_PREFIX or not route.takes_tokens):
            found.append((name, "Bearer", rest.decode("latin-1")))
        elif kind == b"basic" and places.basic:
            found.append((name, "Basic", _password(rest)))
    return found


def _has_token_beside(request: ForwardedRequest, route: Route, name: bytes) -> bool:
    """A second Authorization, or a token beside a key in a header: which of them counts is not ours to guess."""
    lines = [line for other, line in request.credential_lines if other == _AUTHORIZATION]
    if name == _AUTHORIZATION:
        return len(lines) > 1
    return any(token_scheme(line, route.credentials) is not None for line in lines)


def _names(request: ForwardedRequest, own: bytes, keys: ApiKeys) -> list[bytes]:
    """What the app does not see: keys that the route did not look at open other doors."""
    return [
        name
        for name, line in request.credential_lines
        if name == own or line[:4] == KEY_PREFIX or _holds_key(name, line, keys)
    ]


def _holds_key(name: bytes, line: bytes, keys: ApiKeys) -> bool:
    """By any scheme of Authorization, or without one."""
    if name == _AUTHORIZATION:
        kind, rest = scheme_and_text(line[:LONGEST_LINE])
        if kind == b"basic":
            return keys.presented(_password(rest)) is not None
        line = rest or line
    return keys.presented(line.decode("latin-1")) is not None


def _password(encoded: bytes) -> str:
    """Of the credentials of Basic (RFC 7617 section 2); "" where they are not of its form."""
    try:
        return b64decode(encoded, validate=True).partition(b":")[2].decode("latin-1")
    except (binascii.Error, ValueError):
        return ""


def _fault(scheme: Scheme, why: str, *, of_stranger: bool = True) -> CredentialFault:
    return CredentialFault(scheme, "invalid_token", why, of_stranger=of_stranger, of_key=True)
