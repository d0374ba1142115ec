"""Owns how a client says who it is at the endpoints for programs, and when that is proved."""

import hashlib
import hmac
import re
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from gateway.core.jose.compact import Compact, MalformedJose, parse_compact
from gateway.core.jose.keys import VerificationKey
from gateway.core.oauth.clients import Authentication, Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.parameters import Parameters
from gateway.core.policy.client import assertion_algorithms

JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS: Final = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
_KIND: Final[dict[str, Authentication]] = {
    "none": "none",
    "client_secret_basic": "secret",
    "client_secret_post": "secret",
    "private_key_jwt": "private_key_jwt",
}
_TYPES: Final = ("", "jwt", "client-authentication+jwt")
_EARLY_S: Final = 15  # F2-16: the clock of a client may be ahead
_LONGEST_S: Final = 3600
_ID_CHARS: Final = 256
_ONE_HEX: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOBODY: Final = hashlib.sha256(b"no client has this secret").digest()


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a client brought. client: its id, as far as it says so; nothing is proved. repr is left out: a secret."""

    method: str
    client: str
    secret: str = ""
    assertion: Compact | None = None


@dataclass(frozen=True, slots=True)
class Assertion:
    """Of a client whose signature was right. It counts once; from `until` on (Unix seconds) it is too old anyhow."""

    id_hash: bytes
    until: int


@dataclass(frozen=True, slots=True, repr=False)
class UnprovedAssertion:
    """An assertion of which all is right but the signature, which is still open."""

    signed: Compact
    assertion: Assertion

    def proved(self, keys: Sequence[VerificationKey]) -> Assertion:
        """keys: of the client. Raises NotProved."""
        if not self._is_signed(keys):
            raise NotProved("client_assertion: no key of the client made the signature", basic=False)
        return self.assertion

    def misses_key(self, keys: Sequence[VerificationKey]) -> bool:
        """Whether the client may have a newer key that made it; one without `kid` may be by any key."""
        kid = self.signed.kid
        return all(key.kid != kid for key in keys) if kid else not self._is_signed(keys)

    def _is_signed(self, keys: Sequence[VerificationKey]) -> bool:
        signed = self.signed
        fitting = [key for key in keys if signed.alg in key.algorithms and signed.kid in ("", key.kid)]
        return any(key.verify(signed.alg, signed.signing_input, signed.signature) for key in fitting)


class NotProved(OAuthError):
    """The client is not who it says. reason: for the log and the client's developer."""

    def __init__(self, reason: str, *, basic: bool) -> None:
        """basic: it used HTTP authentication, so it is answered by a challenge (RFC 6749 section 5.2)."""
        super().__init__("invalid_client", reason, 401, challenge='Basic realm="oauth2"' if basic else "")


def read_credentials(authorization: Sequence[str], parameters: Parameters) -> Credentials:
    """authorization: all lines of that header. Raises OAuthError: two methods at once, or none that is one."""
    if len(authorization) > 1:
        raise OAuthError("invalid_request", "Authorization came more than once")
    found = [one for one in (_basic(authorization), _post(parameters), _assertion(parameters)) if one is not None]
    if len(found) > 1:
        raise OAuthError("invalid_request", "the client authenticates in two ways at once")
    named = parameters.get("client_id")
    if not found:
        return Credentials("none", parameters.required("client_id"))
    if named and named != found[0].client:
        raise OAuthError("invalid_request", "client_id is not the client that authenticates")
    return found[0]


def _basic(authorization: Sequence[str]) -> Credentials | None:
    """Both halves are form-urlencoded before they are put together (RFC 6749 section 2.3.1)."""
    if not authorization:
        return None
    scheme, _, value = authorization[0].partition(" ")
    if scheme.lower() != "basic":
        raise NotProved("Authorization is not Basic", basic=True)
    try:
        text = b64decode(value.strip(" "), validate=True).decode("ascii")
    except (BadBase64, UnicodeDecodeError) as error:
        raise NotProved("Authorization is not Basic as RFC 7617 writes it", basic=True) from error
    client, colon, secret = text.partition(":")
    if not colon:
        raise NotProved("Authorization is not Basic as RFC 7617 writes it", basic=True)
    return Credentials("client_secret_basic", _decoded(client), _decoded(secret))


def _decoded(text: str) -> str:
    """Raises NotProved."""
    try:
        if _ONE_HEX.search(text):
            raise NotProved("Authorization is not form-urlencoded", basic=True)
        decoded = unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise NotProved("Authorization is not form-urlencoded", basic=True) from error
    return decoded


def _post(parameters: Parameters) -> Credentials | None:
    secret = parameters.get("client_secret")
    return Credentials("client_secret_post", parameters.required("client_id"), secret) if secret else None


def _assertion(parameters: Parameters) -> Credentials | None:
    """The client is `iss`; whether it signed this is still open."""
    text, kind = parameters.get("client_assertion"), parameters.get("client_assertion_type")
    if not text and not kind:
        return None
    if not text or kind != JWT_BEARER:
        raise OAuthError(
            "invalid_request", "client_assertion and the client_assertion_type of RFC 7523 belong together"
        )
    try:
        assertion = parse_compact(text)
        return Credentials("private_key_jwt", assertion.text("iss"), assertion=assertion)
    except MalformedJose as error:
        raise NotProved(f"client_assertion: {error}", basic=False) from error


def claimed(
    client: Client | None, credentials: Credentials, audiences: Sequence[str], now: int
) -> UnprovedAssertion | None:
    """None: the client is proved, and had no assertion. Raises NotProved.

    client None: nobody has this id. audiences: the issuer, then what else an assertion may be for. now: Unix seconds.
    """
    basic = credentials.method == "client_secret_basic"
    kind = _KIND[credentials.method]
    if kind == "secret":
        known = client.secret_hash if client is not None and client.authentication == "secret" else None
        digest = hashlib.sha256(credentials.secret.encode()).digest()
        if not hmac.compare_digest(digest, known or _NOBODY) or known is None:
            raise NotProved("the client or its secret is wrong", basic=basic)
        return None
    if client is None or client.authentication != kind:
        raise NotProved("the client is unknown, or authenticates in another way", basic=basic)
    if credentials.assertion is None:
        return None
    try:
        return _claim(client, credentials.assertion, audiences, now)
    except MalformedJose as error:
        raise NotProved(f"client_assertion: {error}", basic=False) from error


def _claim(client: Client, assertion: Compact, audiences: Sequence[str], now: int) -> UnprovedAssertion:
    """All that costs little, so that no signature is verified before. Raises MalformedJose."""
    if assertion.alg not in assertion_algorithms(client.profile):
        raise MalformedJose("alg is not allowed for this client")
    if assertion.typ not in _TYPES:
        raise MalformedJose("typ is not that of a client assertion")
    if assertion.text("sub") != client.id:
        raise MalformedJose("sub is not the client")
    _check_audience(client, assertion, audiences)
    until = _checked_times(assertion, now)
    jti = assertion.text("jti")
    if len(jti) > _ID_CHARS:
        raise MalformedJose(f"jti is longer than {_ID_CHARS} characters")
    return UnprovedAssertion(assertion, Assertion(hashlib.sha256(jti.encode()).digest(), until))


def _check_audience(client: Client, assertion: Compact, audiences: Sequence[str]) -> None:
    """FAPI 2.0 section 5.3.2.1: the issuer, as one string. Others name endpoints too. Raises MalformedJose."""
    audience = assertion.payload.get("aud")
    if client.profile == "fapi2":
        if audience != audiences[0]:
            raise MalformedJose("aud is not the issuer as one string")
        return
    named = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(one, str) and one in audiences for one in named):
        raise MalformedJose("aud is not the issuer")


def _checked_times(assertion: Compact, now: int) -> int:
    """When it is over. Raises MalformedJose."""
    expires_at = assertion.seconds("exp")
    if expires_at <= now:
        raise MalformedJose("exp has passed")
    if expires_at > now + _LONGEST_S + _EARLY_S:
        raise MalformedJose(f"exp is more than {_LONGEST_S} s ahead")
    for claim in ("iat", "nbf"):
        if claim in assertion.payload and assertion.seconds(claim) > now + _EARLY_S:
            raise MalformedJose(f"{claim} is in the future")
    return expires_at
