"""Explains what the gateway would say to a token, and changes nothing: no proof is used up, no login is kept alive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.analysis.token_checks import ShownToken, TokenCheck, check_expiry, check_proof_use, check_token
from gateway.core.jose.keys import VerificationKey
from gateway.core.policy.client import own_user
from gateway.core.policy.facts import Actor
from gateway.core.principal.ask import Presented, Question, Reply, Standing
from gateway.core.token.access import AccessToken, AccessTokens
from gateway.core.token.nonce import Nonces
from gateway.flows.act import Act, Acts
from gateway.flows.oauth.exchange import NO_CREDENTIAL
from gateway.stores.postgres.grants import GrantRow
from gateway.stores.redis.decisions import DecisionCalls

_NUMBER: Final = 1


@dataclass(frozen=True, slots=True)
class Explained:
    """actor None: whose the token is, is not known. now: Unix seconds, by the clock of Redis where it answered."""

    checks: tuple[TokenCheck, ...]
    token: AccessToken | None
    actor: Actor | None
    now: int


@dataclass(frozen=True, slots=True)
class TokenExplanation:
    """keys: those that are published now, by kid. clock: Unix seconds."""

    acts: Acts
    calls: DecisionCalls
    access: AccessTokens
    nonces: Nonces | None
    keys: Mapping[str, VerificationKey]
    clock: Callable[[], int]

    async def explain(self, shown: ShownToken) -> Explained:
        """Raises RecordUnavailable. Without Redis its checks are not known."""
        judged = check_token(shown, self.access, self.keys)
        token = judged.token
        if token is None:
            return Explained(judged.checks, None, None, self.clock())
        reply = await self._asked(token)
        now = self.clock() if reply is None else reply.now_us // 1_000_000
        async with self.acts.begin() as act:
            in_postgres, actor = await _in_postgres(act, token, shown, now)
        used = () if judged.proof is None else check_proof_use(judged.proof, self.nonces, now)
        checks = (*judged.checks, _in_redis(reply), in_postgres, *used, check_expiry(token, now))
        return Explained(checks, token, actor, now)

    async def _asked(self, token: AccessToken) -> Reply | None:
        """By a credential that the record does not have, so that the question is no use of it."""
        presented = Presented(token.presented.tag, token.presented.login, NO_CREDENTIAL, token.presented.kind)
        return await self.calls.reply_to(Question(_NUMBER, presented, None, ()))


def _in_redis(reply: Reply | None) -> TokenCheck:
    if reply is None:
        return TokenCheck("record in Redis", "not known", "Redis does not answer: the gateway answers 503")
    if reply.outcome is Standing.ENDED:
        return TokenCheck("record in Redis", "refuses", "the login or grant of the token has ended")
    if reply.outcome is Standing.MISS:
        return TokenCheck("record in Redis", "not known", "Redis does not have it: the gateway asks Postgres")
    return TokenCheck("record in Redis", "passes")


async def _in_postgres(act: Act, token: AccessToken, shown: ShownToken, now: int) -> tuple[TokenCheck, Actor | None]:
    name, record = "record in Postgres", token.presented.login_id
    by_id = token.presented.kind == "grant"
    grant = await (
        act.grants.find(record) if by_id else act.grants.find_by_credential(record, token.presented.credential)
    )
    if grant is None:
        return TokenCheck(
            name, "refuses", "there is no such grant: it ended long ago, or the database is another one"
        ), None
    user = None if grant.user_id is None else await act.users.find(grant.user_id)
    why = await _ended(act, grant, now)
    if grant.user_id is not None and (user is None or user.state != "active"):
        why = "its person is disabled or erased"
    username, groups = (own_user(token.client), ()) if user is None else (user.username, user.groups)
    actor = Actor(
        username,
        frozenset(groups),
        grant.assurance,
        shown.scheme,
        token.client,
        token.scopes,
        shown.scheme == "dpop",
    )
    return TokenCheck(name, "refuses" if why else "passes", why), actor


async def _ended(act: Act, grant: GrantRow, now: int) -> str:
    """Why, "" where it lives. now: Unix seconds."""
    if grant.ended:
        return "the grant has ended"
    if now >= grant.expires_at:
        return "the grant has expired"
    if grant.kind != "login" or grant.login_id is None:
        return ""
    login = await act.logins.find(grant.login_id)
    if login is None or login.ended:
        return "the login has ended"
    if now >= login.expires_at:
        return "the login has expired"
    return ""
