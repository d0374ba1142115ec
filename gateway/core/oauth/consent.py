"""Owns when a person is asked whether an app may have what it wants."""

from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from gateway.core.oauth.request import AuthorizationRequest, ReturnAddress


def asks_consent(request: AuthorizationRequest, address: ReturnAddress, given: AbstractSet[str]) -> bool:
    """given: scopes that the person has let the client have there before.

    Any app of a device can take a scheme or a loopback port for its own, so there it is asked each time (oauth.md O17).
    """
    if "consent" in request.prompts or urlsplit(address.redirect_uri).scheme != "https":
        return True
    return address.client.consent == "ask" and not given >= {*request.scopes}
