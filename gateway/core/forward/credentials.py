"""Reads the token that a request brings in place of a session, and its proof (threats.md K2, oauth.md section 4).

The scheme of Authorization decides alone: one that the route accepts is ours, good or bad, and no cookie is a second
chance; any other scheme is the app's own, and the cookie decides. The cheap refusals come first, and none of them asks
a store.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final, Literal

from gateway.core.assurance.need import Need
from gateway.core.base64url import b64
from gateway.core.forward.proxy import EARLIER
from gateway.core.forward.request import ForwardedRequest
from gateway.core.jose.keys import VerificationKey
from gateway.core.outcomes import ProofOutcome
from gateway.core.principal.ask import Presented, ProofClaim, Question, Spend, Standing
from gateway.core.remembered import Remembered
from gateway.core.token.access import AccessToken, AccessTokens, TokenRefused
from gateway.core.token.nonce import Nonces, NonceStamp
from gateway.core.token.proof import Proof, ProofRefused, read_proof

Scheme = Literal["Bearer", "DPoP", "Basic"]
LONGEST_LINE: Final = 4096
_AUTHORIZATION: Final = b"authorization"
_DPOP: Final = b"dpop"
_LINE: Final = b"\r\nAuthorization: "  # as Go spells it
_LIVE: Final = Standing.LIVE  # members of enums are looked up slowly
_MOST_DOUBTED: Final = 4096
_SCHEMES: Final[dict[bytes, Scheme]] = {b"bearer": "Bearer", b"dpop": "DPoP"}


class CredentialFault:
    """What is wrong with a credential. error: the word of RFC 6750, 9449 or 9470. why: for the client and the log.

    proof: what came of a proof, None where it is not about one. of_stranger: no token or key of ours for this host
    came, so whoever sent it is nobody. of_key: an API key was refused.
    """

    def __init__(
        self,
        scheme: Scheme,
        error: str,
        why: str,
        status: int = 401,
        proof: ProofOutcome | None = None,
        *,
        of_stranger: bool = False,
        of_key: bool = False,
    ) -> None:
        self.scheme = scheme
        self.error = error
        self.why = why
        self.status = status
        self.proof = proof
        self.of_stranger = of_stranger
        self.of_key = of_key


class Brought:
    """A token whose signature was right, for this host; and under DPoP a proof of the key that it is bound to.

    stamp: of the proof's nonce, None where it has none that is ours and young enough.
    """

    def __init__(self, token: AccessToken, proof: Proof | None, stamp: NonceStamp | None) -> None:
        self.token = token
        self.proof = proof
        self.stamp = stamp

    @property
    def presented(self) -> Presented:
        return self.token.presented

    @property
    def scheme(self) -> Scheme:
        return "Bearer" if self.proof is None else "DPoP"

    def fault_by(self, outcome: Standing, now: int) -> CredentialFault | None:
        """What the store says against it; None: nothing. now: Unix seconds, by the store's clock."""
        if outcome is _LIVE:
            expired = now >= self.token.expires_at
            return CredentialFault(self.scheme, "invalid_token", "the token has expired") if expired else None
        if outcome is Standing.STALE_NONCE:
            return CredentialFault(
                "DPoP", "use_dpop_nonce", "the proof needs the nonce of this answer", proof="stale_nonce"
            )
        if outcome is Standing.UNTIMELY:
            return CredentialFault(
                "DPoP", "invalid_dpop_proof", "the proof is too old, or from the future", proof="untimely"
            )
        if outcome is Standing.REPLAYED:
            return CredentialFault("DPoP", "invalid_dpop_proof", "the proof was used before", proof="replayed")
        return CredentialFault(self.scheme, "invalid_token", "the token has ended")

    def is_too_weak(self, need: Need) -> CredentialFault:
        """RFC 9470: the login behind it."""
        lack = "lacks a second factor that is asked for" if need.asks_second else "is too old"
        return CredentialFault(self.scheme, "insufficient_user_authentication", f"the login behind the token {lack}")


class TokenReader:
    """What tokens are read with. keys: those that are published now, by kid. nonces None: proofs need none.

    simulated: what is read whatever came, because nobody sent it.
    """

    def __init__(
        self,
        access: AccessTokens,
        keys: Callable[[], Mapping[str, VerificationKey]],
        nonces: Nonces | None,
        origin_of: Callable[[str], str],
        simulated: Brought | None = None,
    ) -> None:
        self._nonces = nonces
        self._access = access
        self._keys = keys
        self._origin_of = origin_of
        self._simulated = simulated
        self._doubted = Remembered[bytes, bool](_MOST_DOUBTED)

    def read(self, request: ForwardedRequest, accepted: frozenset[str]) -> Brought | CredentialFault | None:
        """accepted: Route.credentials. None: the request brings no credential of such a kind."""
        lines = [line for name, line in request.credential_lines if name == _AUTHORIZATION]
        ours = [(kind, line) for line in lines if (kind := token_scheme(line, accepted)) is not None]
        if not ours:
            return None
        if self._simulated is not None:
            return self._simulated
        scheme, own = ours[0]
        if len(lines) > 1:
            return CredentialFault(scheme, "invalid_request", "Authorization came twice", 400, of_stranger=True)
        if request.proxy is EARLIER:
            return CredentialFault(
                scheme, "temporarily_unavailable", "this site's proxy can't take a token from the app", 503
            )
        if len(own) > LONGEST_LINE:
            return CredentialFault(scheme, "invalid_token", "the token is too long", of_stranger=True)
        return self._read(request, scheme, scheme_and_text(own)[1].decode("latin-1"))

    def are_in(self, question: bytes) -> bool:
        """Whether these bytes of a question bring a token that was read before. Only who is served first may depend on
        it, so it is by the token itself and never by its shape, which anybody can write (oauth.md O15).

        A token whose last proof had a wrong signature, which costs most to find out, waits with the strangers.
        """
        line = rest_of_line(question, _LINE)
        if line is None or len(line) > LONGEST_LINE:
            return False
        scheme, text = scheme_and_text(line)
        if scheme not in _SCHEMES:
            return False
        digest = hashlib.sha256(text).digest()
        return self._access.knows(digest) and not self._doubted.get(digest)

    def question(self, number: int, brought: Brought, spends: tuple[Spend, ...], request_id: str) -> Question:
        """What Redis is asked: whether it lives, and whether its proof passes."""
        proof, stamp, claim = brought.proof, brought.stamp, None
        if proof is not None:
            named = None if self._nonces is None else 0 if stamp is None else stamp.inc
            claim = ProofClaim(b64(proof.jti), proof.iat, named)
        return Question(number, brought.token.presented, None, spends, request_id, (), claim)

    def next_nonce(self, brought: Brought, incarnation: int, now: int) -> str:
        """For the client's next proof; "": the one that it has is good, or none is needed. now: Unix seconds.

        incarnation: as Redis said it, 0 where it took that of the proof's own nonce.
        """
        if self._nonces is None or brought.proof is None:
            return ""
        if incarnation:
            return self._nonces.make(incarnation, now)
        stamp = brought.stamp
        return "" if stamp is None or stamp.current else self._nonces.make(stamp.inc, now)

    def _read(self, request: ForwardedRequest, scheme: Scheme, text: str) -> Brought | CredentialFault:
        proofs = [line.decode("latin-1") for name, line in request.credential_lines if name == _DPOP]
        if scheme == "Bearer" and proofs:
            return CredentialFault(scheme, "invalid_token", "a proof came beside a bearer token", of_stranger=True)
        origin, keys = self._origin_of(request.host), self._keys()
        if not keys:  # Postgres has not answered since the start: that says nothing about the token
            return CredentialFault(scheme, "temporarily_unavailable", "no signing key is known yet", 503)
        try:
            token = self._access.read(text, keys, origin)
        except TokenRefused as refused:
            why = f"the token is not good: {refused.reason}"
            return CredentialFault(scheme, "invalid_token", why, of_stranger=True)
        if scheme == "Bearer":
            if token.jkt:
                return CredentialFault(scheme, "invalid_token", "the token is bound to a key, which has to be proved")
            return Brought(token, None, None)
        return self._proved(request, token, proofs, origin)

    def _proved(
        self, request: ForwardedRequest, token: AccessToken, lines: list[str], origin: str
    ) -> Brought | CredentialFault:
        if not token.jkt:
            return CredentialFault("DPoP", "invalid_token", "the token is bound to no key")
        if sum(map(len, lines)) > LONGEST_LINE:
            return CredentialFault("DPoP", "invalid_dpop_proof", "the proof is too long", proof="invalid")
        url = f"{origin}{request.target}"
        try:
            proof = read_proof(lines, method=request.method, url=url, ath=token.digest, jkt=token.jkt)
        except ProofRefused as refused:
            if refused.reason == "signature":
                self._doubted.keep(token.digest, True)
            why = f"the proof is not good: {refused.reason}"
            return CredentialFault("DPoP", "invalid_dpop_proof", why, proof="invalid")
        if self._doubted.get(token.digest):
            self._doubted.keep(token.digest, False)
        # A nonce is as old as the proof says, whose own age Redis judges: no clock of a worker counts (threats.md R8).
        stamp = None if self._nonces is None else self._nonces.read(proof.nonce, proof.iat)
        return Brought(token, proof, stamp)


def consumable(request: ForwardedRequest) -> list[bytes]:
    """Names of the headers that a token and its proof came in, which the app does not see."""
    return [name for name, _line in request.credential_lines]


def scheme_and_text(line: bytes) -> tuple[bytes, bytes]:
    """Of Authorization: the scheme in lower case, because any case will do (RFC 9110 section 11.1), and the rest."""
    scheme, _, text = line.partition(b" ")
    return scheme.lower(), text.strip(b" ")


def token_scheme(line: bytes, accepted: frozenset[str]) -> Scheme | None:
    """None: not one of tokens, or none that the route accepts. accepted: Route.credentials."""
    scheme = _SCHEMES.get(scheme_and_text(line)[0])
    return scheme if scheme is not None and scheme.lower() in accepted else None


def rest_of_line(question: bytes, start: bytes) -> bytes | None:
    """Of the line of a question that begins so. None: there is none. start: with the end of the line before."""
    at = question.find(start)
    if at < 0:
        return None
    at += len(start)
    return question[at : question.find(b"\r", at)]
