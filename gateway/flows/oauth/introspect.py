"""Answers what a token is worth (RFC 7662), and ends what a client no longer wants (RFC 7009)."""

from dataclasses import dataclass

from gateway.core.oauth.clients import Client
from gateway.core.token.access import AccessToken
from gateway.core.token.refresh import Refresh
from gateway.flows.act import Acts
from gateway.flows.oauth.grants import end_grant
from gateway.flows.oauth.issue import Issuer
from gateway.flows.oauth.known_tokens import KnownTokens, Living

_INACTIVE = {"active": False}


@dataclass(frozen=True, slots=True)
class Introspection:
    known: KnownTokens
    issuer: Issuer

    async def describe(self, asking: Client, text: str) -> dict[str, object]:
        """What RFC 7662 section 2.2 lists. Strangers hear that it is worth nothing, whatever it is (O21)."""
        token = self.known.read(text)
        living = None if token is None else await self.known.living(token)
        if token is None or living is None or not _may_ask(asking, token, living):
            return dict(_INACTIVE)
        return self._described(token, living)

    def _described(self, token: AccessToken | Refresh, living: Living) -> dict[str, object]:
        grant = living.grant
        about: dict[str, object] = {
            "active": True,
            "iss": self.issuer.issuer,
            "sub": self.issuer.subject(grant),
            "client_id": grant.client,
        }
        if isinstance(token, Refresh):
            return about | {"scope": " ".join(grant.scopes), "token_type": "refresh_token"}
        about |= {
            "scope": " ".join(sorted(token.scopes)),
            "aud": token.audience,
            "iat": token.issued_at,
            "exp": token.expires_at,
            "token_type": "DPoP" if token.jkt else "Bearer",
        }
        return about | ({"cnf": {"jkt": token.jkt}} if token.jkt else {})


@dataclass(frozen=True, slots=True)
class Revocation:
    """tag_key: of core/keys.py."""

    acts: Acts
    known: KnownTokens
    tag_key: bytes

    async def revoke(self, asking: Client, text: str, request_id: str) -> None:
        """Any token of a grant ends the grant. What is not the client's, or no token, is left alone without a word.

        Raises RecordUnavailable, and RedisBehind after the commit; then it has to be done again.
        """
        token = self.known.read(text)
        grant = None if token is None else await self.known.find(token)
        if grant is None or grant.client != asking.id:
            return
        async with self.acts.begin(request_id=request_id) as act:
            await end_grant(act, self.tag_key, grant, "revoked")


def _may_ask(asking: Client, token: AccessToken | Refresh, living: Living) -> bool:
    """The client whose token it is, or a service that speaks for the resource."""
    if asking.id == living.grant.client:
        return True
    return isinstance(token, AccessToken) and asking.is_service and token.audience in asking.resources
