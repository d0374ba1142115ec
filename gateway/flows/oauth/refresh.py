"""Exchanges a refresh token for the next one. Who lost the answer gets the same once more; a thief ends the grant."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.app_events import RefreshReused
from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.mail.kinds import MailKind
from gateway.core.oauth.clients import Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.grants import Repeated, Reused, Rotated, Rotation, audience_of, judge_refresh, narrowed
from gateway.core.token.access import grant_credential
from gateway.core.token.refresh import Refresh, RefreshTokens
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import Decisions
from gateway.flows.mail.notices import NO_NOTICES, NoticeFacts, Notices
from gateway.flows.oauth.grants import end_grant, presented_by
from gateway.flows.oauth.issue import Issued, Issuer, Wanted, described
from gateway.stores.postgres.grants import GrantRow

_OVER: Final = "the refresh token is unknown, or its grant has ended"
OUTCOMES: Final = ("rotated", "repeated", "reused", "refused")


class _Reuse(OAuthError):
    """A refresh token that was replaced before came again, and its grant has ended."""


@dataclass(frozen=True, slots=True, repr=False)
class RefreshAsked:
    """scope, resource "": left out. jkt: of the proof, "" without one. repr is left out: it holds a token."""

    token: str
    scope: str
    resource: str
    jkt: str
    request_id: str


@dataclass(frozen=True, slots=True)
class RefreshExchange:
    """count: hears how each attempt ended, one of OUTCOMES."""

    acts: Acts
    keys: Keys
    decisions: Decisions
    issuer: Issuer
    refresh: RefreshTokens
    count: Callable[[str], None]
    notices: Notices = NO_NOTICES

    async def exchange(self, client: Client, asked: RefreshAsked) -> Issued:
        """The client has authenticated. Raises OAuthError, RecordUnavailable or StoreUnavailable."""
        try:
            return await self._exchange(client, asked)
        except OAuthError as error:
            self.count("reused" if isinstance(error, _Reuse) else "refused")
            raise

    async def _exchange(self, client: Client, asked: RefreshAsked) -> Issued:
        token = self.refresh.parse(asked.token)
        grant = None if token is None else await self._look(token)
        if token is None or grant is None or grant.client != client.id or grant.user_id is None:
            raise OAuthError("invalid_grant", _OVER)
        scopes = _fitting(client, grant, asked, self.issuer.issuer)
        # Before Postgres: a logout may not have reached it yet (O1).
        presented = presented_by(self.keys.tag, grant, grant_credential(grant.id))
        live, now = await self.decisions.live(presented)
        if live is None:
            raise OAuthError("invalid_grant", _OVER)
        if not client.goes_on_for(live.actor, now):
            await self._end(grant, "policy", asked.request_id)
            raise OAuthError("invalid_grant", "policy no longer lets this person use the client")
        successor = await self._rotate(client, token, asked)
        wanted = Wanted(scopes, now, asked.jkt, described(live.person), refresh_token=successor)
        return self.issuer.issue(client, grant, wanted)

    async def _look(self, token: Refresh) -> GrantRow | None:
        async with self.acts.begin() as act:
            grant = await act.grants.find(token.grant_id)
        return None if grant is None or grant.ended else grant

    async def _end(self, grant: GrantRow, why: str, request_id: str) -> None:
        async with self.acts.begin(request_id=request_id) as act:
            await end_grant(act, self.keys.tag, grant, why)

    async def _rotate(self, client: Client, token: Refresh, asked: RefreshAsked) -> str:
        """The next refresh token. Raised only after the transaction: a reuse is stored. Raises OAuthError."""
        async with self.acts.begin(request_id=asked.request_id) as act:
            grant = await act.grants.lock(token.grant_id, act.now)
            outcome = None if grant is None else await self._judged(act, client, grant, token)
        if isinstance(outcome, Reused):
            raise _Reuse("invalid_grant", _OVER)
        if outcome is None or grant is None:
            raise OAuthError("invalid_grant", _OVER)
        self.count("rotated" if isinstance(outcome, Rotated) else "repeated")
        return self._successor(token, _generation_of(outcome, grant))

    async def _judged(
        self, act: Act, client: Client, grant: GrantRow, token: Refresh
    ) -> Rotated | Repeated | Reused | None:
        """None: the grant is over, and no reuse is told from it."""
        if not grant.refreshes(act.now):
            return None
        bound = client.authentication != "none" or bool(grant.jkt)
        rotation = Rotation(grant.refresh_hash, grant.previous_hash, grant.rotated_at, bound)
        outcome = judge_refresh(rotation, self.refresh.hash(token.text), act.now)
        match outcome:
            case Rotated():
                successor = self._successor(token, grant.generation)
                await act.grants.rotate(grant.id, self.refresh.hash(successor), act.now)
            case Reused():
                if await end_grant(act, self.keys.tag, grant, "refresh_reused"):
                    act.record(RefreshReused(grant.user_id, grant.client, b64(grant.id)))
                    await self._tell(act, client, grant)
            case Repeated():
                pass
        return outcome

    async def _tell(self, act: Act, client: Client, grant: GrantRow) -> None:
        user = None if grant.user_id is None else await act.users.find(grant.user_id)
        if user is not None:
            facts = NoticeFacts(more=(("App", client.name),))
            await self.notices.add(act, user, MailKind.REFRESH_REUSED, facts)

    def _successor(self, token: Refresh, generation: int) -> str:
        """generation: of the token."""
        secret = self.refresh.successor(token.grant_id, generation, token.secret)
        return self.refresh.mint(token.tag, token.grant_id, secret)


def _generation_of(outcome: Rotated | Repeated, grant: GrantRow) -> int:
    """Of the token that was sent; grant: as it was then."""
    return grant.generation if isinstance(outcome, Rotated) else grant.generation - 1


def _fitting(client: Client, grant: GrantRow, asked: RefreshAsked, issuer: str) -> tuple[str, ...]:
    """The scopes of the access token: of the grant's those that policy still lets the client have. A wrong key never
    ends a grant. Raises OAuthError.
    """
    if grant.jkt and grant.jkt != asked.jkt:
        raise OAuthError("invalid_grant", "the refresh token is bound to another key")
    if asked.resource and asked.resource != grant.resource:
        raise OAuthError("invalid_target", "resource is not that of the grant")
    if audience_of(client.resources, grant.resource, issuer) is None:
        raise OAuthError("invalid_target", "policy no longer lets the client have tokens for this resource")
    scopes = narrowed(tuple(scope for scope in grant.scopes if scope in client.scopes), asked.scope)
    if not scopes:
        raise OAuthError("invalid_scope", "scope is more than was granted, or than policy lets the client have")
    return scopes
