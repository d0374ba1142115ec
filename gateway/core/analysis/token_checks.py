"""Tells people which check of the gateway refuses a token or its proof: the checks of core/forward/credentials.py, one
by one and in its order. Nothing here repeats a token or a proof.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gateway.core.forward.credentials import LONGEST_LINE
from gateway.core.jose.keys import VerificationKey
from gateway.core.token.access import AccessToken, AccessTokens, TokenRefused
from gateway.core.token.nonce import Nonces
from gateway.core.token.proof import EARLY_S, TIMELY_S, Proof, ProofRefused, read_proof

Said = Literal["passes", "refuses", "not reached", "not known"]
# By the reasons of TokenRefused and ProofRefused, in the order in which the readers judge.
_TOKEN: Final = {
    "malformed": "it is not a signed token in compact form with the claims of an access token",
    "kid": "no published key has its kid; see `bastion signing-key list`",
    "alg": "its alg is not that of the key",
    "typ": "its typ is not at+jwt, so it is no access token: an ID token is for the app alone",
    "jti": "its jti was not sealed with this fleet's root key for these claims",
    "iss": "its iss is not this issuer",
    "aud": "its aud is not the origin of this host; the app has to ask for a token with this `resource`",
    "signature": "its signature is wrong",
}
_OTHER: Final = "form"
_PROOF: Final = {
    "not exactly one": "there is not exactly one proof",
    _OTHER: "",
    "typ": "its typ is not dpop+jwt",
    "alg": "its alg is not accepted, or not that of its key",
    "another key": "its key is not the one that the token is bound to",
    "htm": "its htm is not the method of the request",
    "htu": "its htu is not the URL of the request",
    "ath": "its ath is not the digest of this token",
    "signature": "its signature is wrong",
}


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """why: "" where there is nothing to add."""

    name: str
    said: Said
    why: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class ShownToken:
    """What somebody has. scheme: as in Authorization, in lower case. proofs: the values of all DPoP headers.

    origin: of the request's host, None where no request is known; target: its path and query.
    """

    scheme: str
    token: str
    proofs: tuple[str, ...] = ()
    method: str = "GET"
    origin: str | None = None
    target: str = "/"


@dataclass(frozen=True, slots=True)
class JudgedToken:
    """token None: it could not be read. proof None: there is none, or it is not good."""

    checks: tuple[TokenCheck, ...]
    token: AccessToken | None = None
    proof: Proof | None = None


def check_token(shown: ShownToken, access: AccessTokens, keys: Mapping[str, VerificationKey]) -> JudgedToken:
    """What no store is asked for. keys: those that are published now, by kid."""
    checks = [_length(shown), *_beside(shown)]
    if not keys:
        return JudgedToken(
            (*checks, TokenCheck("signing keys", "not known", "no node has made one yet: start `bastion serve`"))
        )
    token, failed = _read(shown, access, keys)
    checks += _ladder("token", _TOKEN, failed, _TOKEN.get(failed, ""))
    if token is None:
        return JudgedToken(tuple(checks))
    checks.append(_binding(shown, token))
    if shown.scheme != "dpop" or not token.jkt:
        return JudgedToken(tuple(checks), token)
    if shown.proofs and shown.origin is None:
        return JudgedToken((*checks, TokenCheck("proof", "not known", "it is for one URL, and none was given")), token)
    proof, failed, why = _proof(shown, token)
    return JudgedToken((*checks, *_ladder("proof", _PROOF, failed, why)), token, proof)


def check_proof_use(proof: Proof, nonces: Nonces | None, now: int) -> Iterator[TokenCheck]:
    """What Redis judges of a good proof, without using it up. nonces None: proofs need none. now: Unix seconds."""
    known = nonces is None or nonces.read(proof.nonce, proof.iat) is not None
    why = "" if known else "it has no nonce of ours of its last minutes: a client repeats the request with the new one"
    yield TokenCheck("proof nonce", "passes" if known else "refuses", why)
    age = now - proof.iat
    timely = -EARLY_S <= age <= TIMELY_S
    why = f"made {age} s ago" if age >= 0 else f"made {-age} s in the future"
    limits = f"; accepted until {TIMELY_S} s after it was made, and {EARLY_S} s before"
    yield TokenCheck("proof age", "passes" if timely else "refuses", why if timely else why + limits)
    yield TokenCheck("proof replay", "not known", "to ask would use it up")


def check_expiry(token: AccessToken, now: int) -> TokenCheck:
    """now: Unix seconds."""
    left = token.expires_at - now
    return (
        TokenCheck("expiry", "passes", f"{left} s left")
        if left > 0
        else TokenCheck("expiry", "refuses", f"{-left} s ago")
    )


def _length(shown: ShownToken) -> TokenCheck:
    if len(shown.scheme) + 1 + len(shown.token) > LONGEST_LINE:
        return TokenCheck("length", "refuses", f"Authorization has more than {LONGEST_LINE} bytes")
    return TokenCheck("length", "passes")


def _beside(shown: ShownToken) -> Iterator[TokenCheck]:
    if shown.scheme == "bearer":
        why = "a proof came beside a bearer token: send it as `Authorization: DPoP`" if shown.proofs else ""
        yield TokenCheck("proof beside", "refuses" if why else "passes", why)


def _read(
    shown: ShownToken, access: AccessTokens, keys: Mapping[str, VerificationKey]
) -> tuple[AccessToken | None, str]:
    """And the reason of the first check that refuses it. For another host, it is read nevertheless."""
    try:
        return access.read(shown.token, keys, shown.origin), ""
    except TokenRefused as refused:
        if refused.reason != "aud":
            return None, refused.reason
    try:
        return access.read(shown.token, keys, None), "aud"
    except TokenRefused:
        return None, "aud"


def _binding(shown: ShownToken, token: AccessToken) -> TokenCheck:
    if shown.scheme == "dpop" and not token.jkt:
        return TokenCheck("binding", "refuses", "the token is bound to no key: send it as `Authorization: Bearer`")
    if shown.scheme == "bearer" and token.jkt:
        return TokenCheck(
            "binding", "refuses", "the token is bound to a key: send it as `Authorization: DPoP`, with a proof"
        )
    return TokenCheck("binding", "passes")


def _proof(shown: ShownToken, token: AccessToken) -> tuple[Proof | None, str, str]:
    if sum(map(len, shown.proofs)) > LONGEST_LINE:
        return None, _OTHER, f"it has more than {LONGEST_LINE} bytes"
    url = f"{shown.origin}{shown.target}"
    try:
        return read_proof(shown.proofs, method=shown.method, url=url, ath=token.digest, jkt=token.jkt), "", ""
    except ProofRefused as refused:
        if refused.reason in _PROOF:
            return None, refused.reason, _PROOF[refused.reason]
        return None, _OTHER, refused.reason


def _ladder(what: str, reasons: Mapping[str, str], failed: str, why: str) -> Iterator[TokenCheck]:
    """failed "": none."""
    said: Said = "passes"
    for reason in reasons:
        if reason == failed:
            yield TokenCheck(f"{what} {reason}", "refuses", why)
            said = "not reached"
        else:
            yield TokenCheck(f"{what} {reason}", said)
