"""Owns when a person is asked whether an app may have what it wants."""

from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from gateway.core.oauth.request import AuthorizationRequest, ReturnAddress
from gateway.core.oauth.scopes import OFFLINE_ACCESS


def asks_consent(request: AuthorizationRequest, address: ReturnAddress, given: AbstractSet[str]) -> bool:
    """given: scopes that the person has let the client have there before.

    Any app of a device can take a scheme or a loopback port for its own, so there it is asked each time (oauth.md O17).
    What goes on after a logout is never implied: whoever logs out would not know of it.
    """
    if "consent" in request.prompts or urlsplit(address.redirect_uri).scheme != "https":
        return True
    wants = {*request.scopes} if address.client.consent == "ask" else {OFFLINE_ACCESS} & {*request.scopes}
    return not given >= wants
