"""Tells an app about the person for whom it acts (OpenID Connect Core section 5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.jose.algorithms import PROOF_ALGS
from gateway.core.oauth.claims import personal_claims
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.scopes import OPENID
from gateway.core.token.access import AccessToken
from gateway.flows.oauth.issue import Issuer, described
from gateway.flows.oauth.known_tokens import KnownTokens
from gateway.flows.oauth.proofs import ProofCheck, ShownProof

USERINFO_PATH: Final = "/oauth2/userinfo"
_SCHEMES: Final = ("bearer", "dpop")


@dataclass(frozen=True, slots=True)
class ShownAccess:
    """A token that came as it has to. nonce: for the client's next proof, "" if it need not change."""

    scheme: str
    token: AccessToken
    nonce: str


@dataclass(frozen=True, slots=True)
class UserInfo:
    known: KnownTokens
    issuer: Issuer
    proofs: ProofCheck

    async def take(
        self, method: str, authorization: Sequence[str], proofs: Sequence[str], request_id: str
    ) -> ShownAccess:
        """authorization, proofs: all lines of those headers. Raises OAuthError as RFC 6750 and RFC 9449 have it, or
        StoreUnavailable.
        """
        scheme, text = _presented(authorization)
        token = self.known.read(text, self.issuer.issuer)
        if not isinstance(token, AccessToken):
            raise _refused(scheme, "invalid_token", "no access token for this endpoint")
        shown = await self._shown(scheme, token, method, proofs, request_id)
        return ShownAccess(scheme, token, shown.nonce)

    async def tell(self, shown: ShownAccess) -> dict[str, object]:
        """The claims. Raises OAuthError, RecordUnavailable or StoreUnavailable."""
        scheme, token = shown.scheme, shown.token
        living = await self.known.living(token)
        if living is None or living.user is None:
            raise _refused(scheme, "invalid_token", "the access token is worth nothing any more")
        if OPENID not in token.scopes:
            raise _refused(scheme, "insufficient_scope", "scope openid is needed", 403)
        claims = personal_claims(described(living.user), token.scopes)
        return {"sub": token.subject, **claims}

    async def _shown(
        self, scheme: str, token: AccessToken, method: str, proofs: Sequence[str], request_id: str
    ) -> ShownProof:
        """A bound token passes with its proof only, and a bearer token without one (RFC 9449 section 7)."""
        if bool(token.jkt) != (scheme == "dpop"):
            raise _refused(scheme, "invalid_token", "the token is of the other scheme")
        if not token.jkt and proofs:
            raise _refused(scheme, "invalid_token", "a proof beside a bearer token")
        if token.jkt and not proofs:
            raise _refused(scheme, "invalid_dpop_proof", "the proof is missing")
        try:
            shown = await self.proofs.check(proofs, method, USERINFO_PATH, request_id, token.digest)
        except OAuthError as error:
            raise _refused(scheme, error.error, error.description, nonce=error.nonce) from error
        if shown.jkt != token.jkt:
            raise _refused(scheme, "invalid_token", "the token is bound to another key", nonce=shown.nonce)
        return shown


def _presented(authorization: Sequence[str]) -> tuple[str, str]:
    """The scheme, in small letters, and the token. Without any there is no error, only the challenge (RFC 6750 3.1)."""
    if not authorization:
        raise OAuthError("invalid_token", "no access token", 401, challenge=f'Bearer, DPoP algs="{PROOF_ALGS}"')
    if len(authorization) > 1:
        raise OAuthError("invalid_request", "Authorization came more than once")
    scheme, _, text = authorization[0].partition(" ")
    if scheme.lower() not in _SCHEMES:
        raise _refused("bearer", "invalid_token", "Authorization is neither Bearer nor DPoP")
    return scheme.lower(), text.strip(" ")


def _refused(scheme: str, error: str, description: str, status: int = 401, *, nonce: str = "") -> OAuthError:
    said = f'error="{error}", error_description="{description}"'
    challenge = f'DPoP algs="{PROOF_ALGS}", {said}' if scheme == "dpop" else f"Bearer {said}"
    return OAuthError(error, description, status, challenge=challenge, nonce=nonce)
