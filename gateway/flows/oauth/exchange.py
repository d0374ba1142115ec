"""Turns an authorization code into tokens: once, and the same code again ends what it became (oauth.md section 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.app_events import CodeReused, GrantIssued
from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import ABOUT
from gateway.core.oauth.clients import Client
from gateway.core.oauth.code import authorization_code_hash
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.grants import CodeRefused, IssuedCode, Redeemed, Redemption, Reused, judge_code
from gateway.core.policy.client import own_user
from gateway.core.principal.ask import Presented, Standing
from gateway.core.session.tokens import CREDENTIAL_BYTES, LOGIN_BYTES, tag_of
from gateway.core.token.access import grant_credential
from gateway.core.token.refresh import RefreshTokens
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import Decisions
from gateway.flows.mail.notices import NO_NOTICES, NoticeFacts, Notices
from gateway.flows.oauth.grants import end_grant, hold_client
from gateway.flows.oauth.issue import Issued, Issuer, Wanted, actor_of, described
from gateway.stores.postgres.codes import CodeRow
from gateway.stores.postgres.grants import GrantRow, NewGrant
from gateway.stores.postgres.users import UserRow

# Asks whether a login lives, and is no use of it: no session has this credential.
NO_CREDENTIAL: Final = bytes(CREDENTIAL_BYTES)
_GRANT_BYTES: Final = LOGIN_BYTES
_UNKNOWN: Final = CodeRefused("the code is unknown, or its sign-in has ended")


@dataclass(frozen=True, slots=True)
class _Granted:
    grant: GrantRow
    user: UserRow


@dataclass(frozen=True, slots=True)
class CodeExchange:
    """random: bytes of resources.py."""

    acts: Acts
    keys: Keys
    decisions: Decisions
    issuer: Issuer
    refresh: RefreshTokens
    random: Callable[[int], bytes]
    notices: Notices = NO_NOTICES

    async def exchange(self, client: Client, code: str, redemption: Redemption, request_id: str) -> Issued:
        """The live copy of the login is asked first: a logout may not have reached Postgres yet (O1).

        Raises OAuthError, RecordUnavailable or StoreUnavailable; after the latter the code is gone.
        """
        code_hash = authorization_code_hash(code)
        found = None if code_hash is None else await self._look(code_hash)
        if code_hash is None or found is None:
            raise OAuthError(_UNKNOWN.error, _UNKNOWN.why)
        tag = tag_of(self.keys.tag, found.user_id)
        reply = await self.decisions.standing_of(Presented(tag, b64(found.login_id), NO_CREDENTIAL))
        if reply.outcome is Standing.ENDED:
            raise OAuthError(_UNKNOWN.error, _UNKNOWN.why)
        # Raised only out here: inside, it would take back the end of a grant whose code came again.
        outcome = await self._redeem(client, code_hash, redemption, request_id)
        if isinstance(outcome, CodeRefused):
            raise OAuthError(outcome.error, outcome.why)
        grant, content = outcome.grant, found.content
        token = "" if grant.refresh_hash is None else self._first_refresh_token(tag, grant.id)
        wanted = Wanted(
            grant.scopes, reply.now_us // 1_000_000, redemption.jkt, described(outcome.user), content.nonce, token
        )
        return self.issuer.issue(client, grant, wanted)

    async def _look(self, code_hash: bytes) -> CodeRow | None:
        async with self.acts.begin() as act:
            return await act.codes.lock(code_hash)

    async def _redeem(
        self, client: Client, code_hash: bytes, redemption: Redemption, request_id: str
    ) -> _Granted | CodeRefused:
        async with self.acts.begin(request_id=request_id) as act:
            code = await act.codes.lock(code_hash)
            if code is None:
                return _UNKNOWN
            stored = IssuedCode(code.client, code.content, code.expires_at, code.used_at)
            match judge_code(stored, redemption, act.now):
                case CodeRefused() as refused:
                    return refused
                case Reused():
                    return await self._reused(act, code)
                case Redeemed():
                    return await self._grant(act, client, code_hash, code, redemption) or _UNKNOWN

    async def _reused(self, act: Act, code: CodeRow) -> CodeRefused:
        grant = await act.grants.find(code.grant_id)
        if grant is not None and await end_grant(act, self.keys.tag, grant, "code_reused"):
            act.record(CodeReused(code.user_id, code.client, b64(grant.id)))
        return CodeRefused("the code was used")

    async def _grant(
        self, act: Act, client: Client, code_hash: bytes, code: CodeRow, redemption: Redemption
    ) -> _Granted | None:
        """None: the login has ended, the client is disabled, or policy lets the person use the app no more (X4).

        The grant is a session of the login, so what ends the login ends it; one that is to outlive the login has a
        record of its own.
        """
        now, login_id = act.now, code.login_id
        if not await act.logins.hold(login_id, now) or not await hold_client(act, client):
            return None
        user = await act.users.find(code.user_id)
        if user is None or not client.goes_on_for(actor_of(user, code.content), now):
            return None
        for one in await act.grants.surplus(login_id, client.id):
            await end_grant(act, self.keys.tag, one, "surplus")
        grant_id = self.random(_GRANT_BYTES)
        new = self._new_grant(client, code, redemption, grant_id, now)
        if new.kind == "login" and not await self._add_session(act, client, code, grant_id):
            return None
        grant = await act.grants.add(new)
        await act.codes.use(code_hash, now, grant_id)
        tag, login = tag_of(self.keys.tag, code.user_id), b64(login_id)
        act.record(GrantIssued(code.user_id, client.id, b64(grant_id), login, new.scopes, new.resource))
        if new.kind == "login":
            act.stales_login(tag, login)
        else:
            await self._tell(act, user, client, new)
        return _Granted(grant, user)

    async def _tell(self, act: Act, user: UserRow, client: Client, grant: NewGrant) -> None:
        """What outlasts the login that made it can be ended from the mailbox (login-defence.md X3)."""
        sentences = self.decisions.policy.scopes
        may = "; ".join(sentences.get(scope, scope) for scope in grant.scopes)
        facts = NoticeFacts(more=(("App", client.name), ("It may", may)), link={ABOUT: b64(grant.id)})
        await self.notices.add(act, user, MailKind.APP_ADMITTED, facts)

    async def _add_session(self, act: Act, client: Client, code: CodeRow, grant_id: bytes) -> bool:
        content = code.content
        return await act.logins.add_session(
            code.login_id,
            own_user(client.id),
            grant_credential(grant_id),
            content.assurance,
            act.now,
        )

    def _new_grant(self, client: Client, code: CodeRow, redemption: Redemption, grant_id: bytes, now: int) -> NewGrant:
        """A refresh proves the key only where nothing else says who the client is (RFC 9449 section 5)."""
        content, public = code.content, client.authentication == "none"
        token = self._first_refresh_token(tag_of(self.keys.tag, code.user_id), grant_id)
        refreshes = "refresh_token" in client.grants
        return NewGrant(
            id=grant_id,
            client=client.id,
            user_id=code.user_id,
            login_id=code.login_id,
            scopes=tuple(sorted(content.scopes)),
            resource=content.resource,
            authenticated_at=content.authenticated_at,
            mfa_at=content.mfa_at,
            amr=content.amr,
            jkt=redemption.jkt if public else "",
            refresh_hash=self.refresh.hash(token) if refreshes else None,
            created_at=now,
            expires_at=now + client.refresh_absolute_s,
            idle_s=client.refresh_idle_s,
            kind="offline" if content.offline and refreshes else "login",
        )

    def _first_refresh_token(self, tag: str, grant_id: bytes) -> str:
        return self.refresh.mint(tag, grant_id, self.refresh.first(grant_id))
