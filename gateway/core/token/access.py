"""Owns access tokens: RFC 9068 for others to read, and a `jti` in which only we read whose record the token hangs on.

`jti` is `nonce 12 | AES-256-GCM(tag 12 | kind 1 | record 16 | credential 16)` in base64url, 98 characters, bound to the
claims beside it. In clear, the tag would link a person over clients; sealed, what we did not make dies before its
signature is looked at, and a stolen signing key alone forges nothing at the gateway (oauth.md O5). Tokens live for an
hour at most, so the layout may change if old tokens are refused for that long.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.base64url import b64, unb64, unb64_strict
from gateway.core.errors import GatewayError
from gateway.core.jose.compact import Compact, MalformedJose, parse_compact
from gateway.core.jose.keys import SigningKey, VerificationKey
from gateway.core.principal.ask import Presented, RecordKind
from gateway.core.remembered import Remembered

TYP: Final = "at+jwt"
MOST_KNOWN: Final = 8192
_KINDS: Final[tuple[RecordKind, ...]] = ("login", "grant")  # in tokens: only ever appended to
_NONCE_BYTES: Final = 12
_JTI_CHARS: Final = 98


class TokenRefused(GatewayError):
    """reason: which check failed, in a word: malformed, kid, alg, typ, jti, iss, aud or signature."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the access token was refused: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AccessToken:
    """A token of ours whose signature was right; expires_at is the caller's to judge, with Redis' clock.

    jkt: thumbprint of the key that the token is bound to, "" for a bearer token. digest: SHA-256 of the text, which is
    also a proof's `ath`. Times: Unix seconds.
    """

    presented: Presented
    client: str
    subject: str
    scopes: frozenset[str]
    audience: str
    issued_at: int
    expires_at: int
    jkt: str
    digest: bytes


def grant_credential(grant_id: bytes) -> bytes:
    """What a record knows the grant by, 16 bytes, beside the sessions of the same login."""
    return hashlib.sha256(b"grant\0" + grant_id).digest()[:16]


class AccessTokens:
    """Makes and reads them. Remembers what it read: a signature that was right stays right while the keys stay."""

    def __init__(self, issuer: str, token_key: bytes) -> None:
        """issuer: origin of public_url. token_key: 32 bytes."""
        self._issuer = issuer
        self._sealing = AESGCM(token_key)
        self._nonce_key = hmac.digest(token_key, b"jti nonce", "sha256")
        self._keys: Mapping[str, VerificationKey] = {}
        self._known = Remembered[bytes, AccessToken](MOST_KNOWN)

    def issue(
        self,
        signer: SigningKey,
        presented: Presented,
        *,
        client: str,
        subject: str,
        scopes: Sequence[str],
        audience: str,
        now: int,
        ttl_s: int,
        jkt: str = "",
        claims: Mapping[str, object] = {},
    ) -> str:
        """presented: of a login or a grant. claims: more of them, none of these."""
        payload: dict[str, object] = {
            **claims,
            "iss": self._issuer,
            "sub": subject,
            "aud": audience,
            "client_id": client,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + ttl_s,
        }
        if jkt:
            payload["cnf"] = {"jkt": jkt}
        kind = bytes([_KINDS.index(presented.kind)])
        plain = unb64(presented.tag) + kind + presented.login_id + presented.credential
        payload["jti"] = self._sealed(plain, _bound(payload, jkt))
        return signer.sign(TYP, payload)

    def read(self, text: str, keys: Mapping[str, VerificationKey], audience: str | None) -> AccessToken:
        """keys: those published now, by kid; another object drops what is remembered. audience None: any.

        Raises TokenRefused. The cheap refusals come first; expires_at is not judged.
        """
        if keys is not self._keys:
            self._keys, self._known = keys, Remembered(MOST_KNOWN)
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        token = self._known.get(digest)
        if token is not None:
            _require(audience in (None, token.audience), "aud")
            return token
        try:
            token = self._read(text, digest, keys, audience)
        except MalformedJose as error:
            raise TokenRefused("malformed") from error
        return self._known.keep(digest, token)

    def knows(self, digest: bytes) -> bool:
        """Whether a token of this SHA-256 was read and is remembered. Only who is served first may depend on it."""
        return self._known.get(digest) is not None

    def _read(self, text: str, digest: bytes, keys: Mapping[str, VerificationKey], audience: str | None) -> AccessToken:
        jws = parse_compact(text)
        key = keys.get(jws.kid)
        if key is None:
            raise TokenRefused("kid")
        _require(jws.alg in key.algorithms, "alg")
        _require(jws.typ == TYP, "typ")
        token = self._opened(jws, digest)
        _require(jws.payload.get("iss") == self._issuer, "iss")
        _require(audience in (None, token.audience), "aud")
        _require(key.verify(jws.alg, jws.signing_input, jws.signature), "signature")
        return token

    def _opened(self, jws: Compact, digest: bytes) -> AccessToken:
        jkt = _jkt(jws.payload)
        plain = self._unsealed(jws.text("jti"), _bound(jws.payload, jkt))
        tag, kind, record, credential = plain[:12], plain[12], plain[13:29], plain[29:]
        return AccessToken(
            presented=Presented(b64(tag), b64(record), credential, _KINDS[kind], counted_as=b64(credential)),
            client=jws.text("client_id"),
            subject=jws.text("sub"),
            scopes=frozenset(str(jws.payload.get("scope", "")).split()),
            audience=jws.text("aud"),
            issued_at=jws.seconds("iat"),
            expires_at=jws.seconds("exp"),
            jkt=jkt,
            digest=digest,
        )

    def _sealed(self, plain: bytes, bound: bytes) -> str:
        """The nonce is derived from all that is sealed: it never repeats for other contents, whoever calls."""
        nonce = hmac.digest(self._nonce_key, bound + b"\0" + plain, "sha256")[:_NONCE_BYTES]
        return b64(nonce + self._sealing.encrypt(nonce, plain, bound))

    def _unsealed(self, jti: str, bound: bytes) -> bytes:
        _require(len(jti) == _JTI_CHARS, "jti")
        try:
            raw = unb64_strict(jti)
            return self._sealing.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound)
        except (ValueError, InvalidTag) as error:
            raise TokenRefused("jti") from error


def _bound(payload: Mapping[str, object], jkt: str) -> bytes:
    """What can't be changed without another `jti`. No part has NUL: the parser refuses it, and we write none."""
    return "\0".join([*(str(payload.get(name)) for name in ("client_id", "sub", "scope", "aud", "exp")), jkt]).encode()


def _jkt(payload: Mapping[str, object]) -> str:
    if "cnf" not in payload:
        return ""
    confirmation = payload["cnf"]
    jkt = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    if not isinstance(jkt, str) or not jkt:
        raise MalformedJose("cnf has no jkt")
    return jkt


def _require(fact: bool, reason: str) -> None:
    if not fact:
        raise TokenRefused(reason)
