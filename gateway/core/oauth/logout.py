"""Owns how a request of an app to log out is read (OpenID Connect RP-Initiated Logout 1.0), and where it leads.

What is wrong with a request takes from it what it would have brought: the person is asked, or is led nowhere.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from gateway.core.jose.keys import VerificationKey
from gateway.core.oauth.claims import session_id
from gateway.core.oauth.clients import Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.id_token_hint import read_hint
from gateway.core.oauth.parameters import Parameters
from gateway.core.oauth.request import with_query
from gateway.core.sealed_text import MOST_CHARS, BadSeal, seal_text, unseal_text

PARAMETERS: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
_PURPOSE: Final = b"app logout"


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """client: its id. sid: of an ID token of ours, which only then names the client. All may be ""."""

    client: str = ""
    sid: str = ""
    redirect_uri: str = ""
    state: str = ""

    def way_back(self, clients: Mapping[str, Client]) -> str:
        """ "": nowhere that the app has registered."""
        client = clients.get(self.client)
        if client is None or not client.allows_return(self.redirect_uri):
            return ""
        return with_query(self.redirect_uri, {"state": self.state} if self.state else {})

    def is_of(self, login_id: bytes, token_key: bytes) -> bool:
        """Whether the ID token came from this login."""
        own = session_id(token_key, login_id, self.client)
        return hmac.compare_digest(own.encode(), self.sid.encode())


NO_REQUEST: Final = LogoutRequest()
_FIELDS: Final = tuple(one.name for one in fields(LogoutRequest))


def read_logout(parameters: Parameters, issuer: str, keys: Mapping[str, VerificationKey]) -> LogoutRequest:
    """keys: those that are published, by kid."""
    try:
        hint, client, uri, state = (parameters.get(name) for name in PARAMETERS)
    except OAuthError:
        return NO_REQUEST
    named = read_hint(hint, issuer, keys)
    if named is None:
        return LogoutRequest(client, "", uri, state)
    if client not in ("", named.client):
        return NO_REQUEST
    return LogoutRequest(named.client, named.sid, uri, state)


def seal_logout_request(key: bytes, request: LogoutRequest, nonce: bytes) -> str:
    """What is too long for an address is left out. nonce: NONCE_BYTES random bytes."""
    sealed = seal_text(key, _PURPOSE, {name: getattr(request, name) for name in _FIELDS}, nonce)
    return sealed if len(sealed) <= MOST_CHARS else ""


def unseal_logout_request(key: bytes, text: str) -> LogoutRequest:
    try:
        return LogoutRequest(**unseal_text(key, _PURPOSE, text))
    except BadSeal:
        return NO_REQUEST
