"""Makes the tokens of a grant, once whatever has to be stored is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.model import acr_of
from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.claims import Described, SignIn, id_token_claims, personal_claims, session_id
from gateway.core.oauth.clients import Client
from gateway.core.oauth.code import CodeContent
from gateway.core.oauth.scopes import OPENID
from gateway.core.policy.facts import Actor
from gateway.core.principal.identity import subject_of
from gateway.core.session.person import Person
from gateway.core.token.access import AccessTokens, grant_credential
from gateway.flows.oauth.grants import presented_by
from gateway.stores.postgres.grants import GrantRow
from gateway.stores.postgres.users import UserRow

_ID_TOKEN_S: Final = 3600


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """What the token endpoint answers; "" where the client gets none. repr is left out: it holds tokens."""

    access_token: str
    token_type: str
    expires_in: int
    scopes: tuple[str, ...]
    refresh_token: str = ""
    id_token: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """Of one answer. scopes: at most the grant's. jkt: the key that the access token is bound to, "" for none.

    person None: the app acts for itself. now: Unix seconds, by the clock of Redis.
    """

    scopes: tuple[str, ...]
    now: int
    jkt: str
    person: Described | None = None
    nonce: str = ""
    refresh_token: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """signer: the active key of an algorithm, "" for the usual one. tag_key, token_key: of core/keys.py."""

    issuer: str
    tokens: AccessTokens
    signer: Callable[[str], SigningKey]
    tag_key: bytes
    token_key: bytes

    def issue(self, client: Client, grant: GrantRow, wanted: Wanted) -> Issued:
        access_token = self._access_token(client, grant, wanted)
        return Issued(
            access_token=access_token,
            token_type="DPoP" if wanted.jkt else "Bearer",
            expires_in=client.access_ttl_s,
            scopes=wanted.scopes,
            refresh_token=wanted.refresh_token,
            id_token=self._id_token(client, grant, wanted, access_token) if OPENID in wanted.scopes else "",
        )

    def ready(self, client: Client) -> None:
        """Before anything is used up: whether there are keys to sign with. Raises NoSigningKey."""
        self.signer("")
        self.signer(client.id_token_alg)

    def subject(self, grant: GrantRow) -> str:
        return grant.client if grant.user_id is None else subject_of(grant.user_id)

    def sid(self, grant: GrantRow) -> str:
        """ "" of a grant that belongs to no login."""
        return "" if grant.login_id is None else session_id(self.token_key, grant.login_id, grant.client)

    def _access_token(self, client: Client, grant: GrantRow, wanted: Wanted) -> str:
        sid = self.sid(grant)
        return self.tokens.issue(
            self.signer(""),
            presented_by(self.tag_key, grant, grant_credential(grant.id)),
            client=client.id,
            subject=self.subject(grant),
            scopes=wanted.scopes,
            audience=grant.resource,
            now=wanted.now,
            ttl_s=client.access_ttl_s,
            jkt=wanted.jkt,
            claims={"sid": sid} if sid else {},
        )

    def _id_token(self, client: Client, grant: GrantRow, wanted: Wanted, access_token: str) -> str:
        """Its personal claims are those of userinfo, for apps that never ask there."""
        assert wanted.person is not None
        sign_in = SignIn(
            grant.authenticated_at, acr_of(grant.assurance), grant.amr, self.sid(grant), wanted.nonce, access_token
        )
        claims = id_token_claims(self.issuer, self.subject(grant), client.id, sign_in, wanted.now, _ID_TOKEN_S)
        return self.signer(client.id_token_alg).sign("JWT", personal_claims(wanted.person, wanted.scopes) | claims)


def described(person: UserRow | Person) -> Described:
    return Described(person.username, person.name, person.email, person.groups)


def actor_of(user: UserRow, sign_in: CodeContent | GrantRow) -> Actor:
    """As freshly signed in as when the app was let in."""
    return Actor(user.username, frozenset(user.groups), sign_in.assurance)
