"""Tokens of an app that acts for itself: one standing grant, however many tokens it asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.app_events import GrantIssued
from gateway.core.base64url import b64
from gateway.core.oauth.clients import Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.grants import STANDING_S, audience_of, narrowed
from gateway.core.session.tokens import LOGIN_BYTES
from gateway.flows.act import Acts
from gateway.flows.oauth.grants import hold_client
from gateway.flows.oauth.issue import Issued, Issuer, Wanted

_GRANT_BYTES: Final = LOGIN_BYTES


@dataclass(frozen=True, slots=True)
class ServiceTokens:
    """issuer_url: our own, the audience where a client has no resource. random: bytes of resources.py."""

    acts: Acts
    issuer: Issuer
    random: Callable[[int], bytes]

    async def issue(self, client: Client, scope: str, resource: str, jkt: str, request_id: str) -> Issued:
        """scope, resource "": left out. Raises OAuthError or RecordUnavailable."""
        scopes = narrowed(tuple(sorted(client.scopes)), scope)
        if scopes is None:
            raise OAuthError("invalid_scope", "scope is more than the client may ask for")
        audience = audience_of(client.resources, resource, self.issuer.issuer)
        if audience is None:
            raise OAuthError("invalid_target", "resource is none that the client may ask for, or it has to name one")
        async with self.acts.begin(request_id=request_id) as act:
            if not await hold_client(act, client):
                raise OAuthError("invalid_client", "the client is disabled", 401)
            grant, made = await act.grants.stand(
                self.random(_GRANT_BYTES), client.id, scopes, audience, act.now, most_s=STANDING_S
            )
            if made:
                act.record(GrantIssued(None, client.id, b64(grant.id), None, scopes, audience))
        return self.issuer.issue(client, grant, Wanted(scopes, act.now, jkt))
