"""Finds the living grant behind a token that somebody shows us: for userinfo, introspection and revocation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.core.jose.keys import VerificationKey
from gateway.core.policy.model import Policy
from gateway.core.principal.ask import Standing
from gateway.core.token.access import AccessToken, AccessTokens, TokenRefused
from gateway.core.token.refresh import Refresh, RefreshTokens
from gateway.core.token.signing_keys import NoSigningKey
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import Decisions
from gateway.flows.oauth.exchange import NO_CREDENTIAL
from gateway.flows.oauth.grants import presented_by
from gateway.flows.oauth.issue import actor_of
from gateway.stores.postgres.grants import GrantRow
from gateway.stores.postgres.users import UserRow


@dataclass(frozen=True, slots=True)
class Living:
    """A grant that passes. user None: the app acts for itself."""

    grant: GrantRow
    user: UserRow | None


@dataclass(frozen=True, slots=True)
class KnownTokens:
    """keys: those that verify now, by kid. Nothing here is a use of the login (X13)."""

    acts: Acts
    decisions: Decisions
    tokens: AccessTokens
    refresh: RefreshTokens
    keys: Callable[[], Mapping[str, VerificationKey]]
    policy: Callable[[], Policy]
    tag_key: bytes

    def read(self, text: str, audience: str | None = None) -> AccessToken | Refresh | None:
        """None: no token of ours, or not for this audience. An access token may be too old. Raises NoSigningKey."""
        found = self.refresh.parse(text)
        if found is not None:
            return found
        keys = self.keys()
        if not keys:
            raise NoSigningKey("no signing key is known yet")
        try:
            return self.tokens.read(text, keys, audience)
        except TokenRefused:
            return None

    async def find(self, token: AccessToken | Refresh) -> GrantRow | None:
        """Whose it is, also if that has ended."""
        async with self.acts.begin() as act:
            if isinstance(token, Refresh):
                return await act.grants.find(token.grant_id)
            if token.presented.kind == "grant":
                return await act.grants.find(token.presented.login_id)
            return await act.grants.find_by_credential(token.presented.login_id, token.presented.credential)

    async def living(self, token: AccessToken | Refresh) -> Living | None:
        """None: the token passes nowhere. Redis is asked before Postgres (O1). Raises RecordUnavailable or
        StoreUnavailable.
        """
        grant = await self.find(token)
        if grant is None:
            return None
        reply = await self.decisions.standing_of(presented_by(self.tag_key, grant, NO_CREDENTIAL))
        if reply.outcome is Standing.ENDED:
            return None
        now = reply.now_us // 1_000_000
        if isinstance(token, AccessToken) and now >= token.expires_at:
            return None
        return await self._standing(token, grant, now)

    async def _standing(self, token: AccessToken | Refresh, grant: GrantRow, now: int) -> Living | None:
        client = self.policy().clients.get(grant.client)
        async with self.acts.begin() as act:
            grant_now = await act.grants.find(grant.id)
            user = None if grant.user_id is None else await act.users.find(grant.user_id)
        if client is None or grant_now is None or grant_now.ended:
            return None
        if isinstance(token, Refresh) and not self._refreshes(token, grant_now, now):
            return None
        if grant.user_id is None:
            return Living(grant_now, None)
        if user is None or user.state != "active" or not client.goes_on_for(actor_of(user, grant_now), now):
            return None
        return Living(grant_now, user)

    def _refreshes(self, token: Refresh, grant: GrantRow, now: int) -> bool:
        return grant.refreshes(now) and self.refresh.hash(token.text) == grant.refresh_hash
