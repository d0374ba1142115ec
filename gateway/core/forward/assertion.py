"""Owns X-Bastion-Assertion: a JWT (RFC 7519) for the app of one host, that says who it is and how they signed in.

It is for one app and one minute. Its `typ` is nobody else's, so it is no access token at any door (threats.md K4).
"""

from collections.abc import Callable
from typing import Final

from gateway.core.assurance.model import acr_of, amr_values
from gateway.core.jose.keys import SigningKey
from gateway.core.policy.facts import SESSION, Actor
from gateway.core.principal.identity import Known, as_told, subject_of
from gateway.core.remembered import Remembered

TYP: Final = "bastion-assertion+jwt"
LIFE_S: Final = 60
REUSED_S: Final = 45  # so that the app always has a quarter of a minute to look at it
_MOST_KNOWN: Final = 8192
_Asked = tuple[Known, str, int, int, int, str, str, frozenset[str]]


class Assertions:
    """Signs them, and hands the same one out again for REUSED_S to who would get the same.

    A changed person is another Known, so a group that was taken away is asserted no longer than it is policy.
    """

    def __init__(self, issuer: str, signer: Callable[[], SigningKey]) -> None:
        """issuer: origin of public_url. signer: what signs now; raises NoSigningKey."""
        self._issuer = issuer
        self._signer = signer
        self._kid = ""
        self._known = Remembered[_Asked, tuple[int, str]](_MOST_KNOWN)

    def assert_to(self, audience: str, known: Known, actor: Actor, subject: str, now: int) -> str:
        """audience: the host's origin. subject: of a token, "": known's own. now: Unix seconds.

        Raises NoSigningKey.
        """
        signer = self._signer()
        if signer.kid != self._kid:  # the one before may be compromised
            self._kid, self._known = signer.kid, Remembered[_Asked, tuple[int, str]](_MOST_KNOWN)
        proven = actor.assurance
        asked = (
            known,
            audience,
            proven.authenticated_at,
            proven.mfa_at,
            proven.amr,
            actor.credential,
            actor.client,
            actor.scopes,
        )
        found = self._known.get(asked)
        if found is not None and 0 <= now - found[0] < REUSED_S:
            return found[1]
        claims = self._claims(audience, known, actor, subject, now)
        return self._known.keep(asked, (now, signer.sign(TYP, claims)))[1]

    def _claims(self, audience: str, known: Known, actor: Actor, subject: str, now: int) -> dict[str, object]:
        of_token = actor.credential != SESSION
        person = as_told(known.person, actor.scopes) if of_token else known.person
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": audience,
            "sub": subject or subject_of(person.user_id),
            "iat": now,
            "exp": now + LIFE_S,
            "preferred_username": person.username,
            "credential": actor.credential,
        }
        if actor.assurance.authenticated_at:
            claims["auth_time"] = actor.assurance.authenticated_at
            claims["acr"] = acr_of(actor.assurance)
            claims["amr"] = list(amr_values(actor.assurance))
        if actor.client:
            claims["client_id"] = actor.client
        if of_token:
            claims["scope"] = " ".join(sorted(actor.scopes))
        if person.groups:
            claims["groups"] = list(person.groups)
        if person.name:
            claims["name"] = person.name
        if person.email:
            claims["email"] = person.email
        return claims
