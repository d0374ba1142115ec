"""Owns a client of the authorization server as it is enforced: who may get tokens for it, and where they are sent."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from gateway.core.jose.algorithms import ASSERTIONS, FAPI2
from gateway.core.jose.keys import VerificationKey
from gateway.core.policy.conditions import Condition, Truth
from gateway.core.policy.facts import Actor, Facts, Verdict
from gateway.core.policy.places import Place
from gateway.core.policy.route import Leg, Review, best_of

ClientType = Literal["web", "spa", "native", "service"]
ClientProfile = Literal["oauth21", "oidc", "fapi2"]
Authentication = Literal["none", "secret", "private_key_jwt"]
_OWN: Final = "client:"
LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?(/[^#]*)?")


def own_user(client: str) -> str:
    """A client's name among users, hosts of sessions and destinations of messages; no person's has a colon."""
    return f"{_OWN}{client}"


def assertion_algorithms(profile: ClientProfile) -> frozenset[str]:
    """What may sign client assertions."""
    return FAPI2 if profile == "fapi2" else ASSERTIONS


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """legs: who gets tokens. goes_on: of each leg what is asked again of who has some: who they are."""

    legs: tuple[Leg, ...]
    goes_on: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """name: for people. grants: as RFC 6749 calls them. id_token_alg "": that of jwt.algorithm.

    secret_hash: SHA-256; None: no secret, or one that could not be read, so that nothing matches it.
    jwks_uri: where its keys are, if jwks has none; "": nowhere.
    pkce_optional: then with a nonce. origins: pages whose scripts may call the token endpoint. registered: by command,
    and no file declares it.
    """

    id: str
    name: str
    place: Place
    type: ClientType
    profile: ClientProfile
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    authentication: Authentication
    secret_hash: bytes | None
    jwks: tuple[VerificationKey, ...]
    jwks_uri: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    grants: frozenset[str]
    pkce_optional: bool
    par_required: bool
    dpop_required: bool
    consent: Literal["ask", "implied"]
    id_token_alg: str
    access_ttl_s: int
    refresh_idle_s: int
    refresh_absolute_s: int
    origins: tuple[str, ...]
    backchannel_logout_uri: str
    access: ClientAccess
    note: str = ""
    review: Review | None = None
    registered: bool = False

    @property
    def is_service(self) -> bool:
        """Its tokens are its own, and no person's."""
        return self.type == "service"

    def judge(self, facts: Facts) -> Verdict:
        """Whether the person may get tokens for it. Total and default-deny, as Route.judge."""
        return best_of(self.access.legs, facts)

    def goes_on_for(self, person: Actor, now: int) -> bool:
        """Whether tokens that the person has go on: not where they are is asked again, nor what they proved.

        So a group that is taken away ends them (X4), and an address that the app calls from doesn't.
        """
        if self.is_service or person.user.startswith(_OWN):
            return self.is_service and person.user == own_user(self.id)
        facts = Facts(person, None, now)
        return any(condition.holds(facts) is Truth.YES for condition in self.access.goes_on)

    def allows_redirect(self, uri: str) -> bool:
        """To the letter, but for the port of a native app's loopback address (RFC 8252 section 7.3)."""
        return self._is_among(uri, self.redirect_uris)

    def allows_return(self, uri: str) -> bool:
        """Whether a logout may lead there; by the rule of allows_redirect."""
        return self._is_among(uri, self.post_logout_redirect_uris)

    def _is_among(self, uri: str, registered: tuple[str, ...]) -> bool:
        if uri in registered:
            return True
        asked = LOOPBACK.fullmatch(uri) if self.type == "native" else None
        return asked is not None and any(
            known is not None and known.groups() == asked.groups() for known in map(LOOPBACK.fullmatch, registered)
        )
