"""Decides whether an app's request ends a login without a question, and where the person goes on (oauth.md O19)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gateway.core.jose.keys import VerificationKey
from gateway.core.keys import Keys
from gateway.core.oauth.logout import (
    PARAMETERS,
    LogoutRequest,
    read_logout,
    seal_logout_request,
    unseal_logout_request,
)
from gateway.core.oauth.parameters import Parameters
from gateway.core.policy.model import Policy
from gateway.core.sealed_text import NONCE_BYTES
from gateway.flows.decide.decisions import LiveLogin


@dataclass(frozen=True, slots=True)
class Leaving:
    """sealed: as the browser carries it. way_back: a registered address, "" for none."""

    sealed: str
    request: LogoutRequest
    way_back: str


@dataclass(frozen=True, slots=True)
class AppLogout:
    """verification: the keys that are published now. policy: as it is now. random: bytes."""

    keys: Keys
    verification: Callable[[], Mapping[str, VerificationKey]]
    policy: Callable[[], Policy]
    issuer: str
    random: Callable[[int], bytes]

    def begin(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The request, sealed; no address after the first one shows its ID token."""
        parameters = Parameters.of((name, value) for name, value in pairs if name in PARAMETERS)
        request = read_logout(parameters, self.issuer, self.verification())
        return seal_logout_request(self.keys.interaction, request, self.random(NONCE_BYTES))

    def open(self, sealed: str) -> Leaving:
        request = unseal_logout_request(self.keys.interaction, sealed)
        return Leaving(sealed, request, request.way_back(self.policy().clients))

    def may_end(self, leaving: Leaving, live: LiveLogin) -> bool:
        """Whether the login ends without a question. Otherwise any site could log people out, and lead them on."""
        return bool(leaving.way_back) and leaving.request.is_of(live.token.login_id, self.keys.token)
