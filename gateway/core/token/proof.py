"""Owns DPoP proofs (RFC 9449 section 4.3), as far as no store and no clock is needed: age, nonce and replay are judged
by the caller, with Redis.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.jose.algorithms import PROOFS
from gateway.core.jose.compact import Compact, MalformedJose, parse_compact
from gateway.core.jose.keys import VerificationKey
from gateway.core.remembered import Remembered

TYP: Final = "dpop+jwt"
TIMELY_S: Final = 60  # judged by Redis: PROOF_S and EARLY_S of bastion.lua
EARLY_S: Final = 15
_JTI_BYTES: Final = 16
_URL: Final = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{0,5}))?(/[^?#]*)?(?:\?[^#]*)?(?:#.*)?",
    re.ASCII | re.IGNORECASE,
)
_PLAIN: Final = re.compile(r"[\x21-\x7e]+")
_ESCAPE: Final = re.compile("%[0-9a-f]{2}", re.ASCII | re.IGNORECASE)
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HEADS: Final = Remembered[str, tuple[Mapping[str, object], VerificationKey]](8192)
_HEAD_CHARS: Final = 1_536  # RSA of 4096 bits fits; longer ones are read each time, so that few megabytes are held
_PORTS: Final = {"http": "80", "https": "443"}


class ProofRefused(GatewayError):
    """reason: which check failed, in a word or two."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the DPoP proof was refused: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof whose signature was right. jkt: thumbprint of its key. jti: 16 bytes that stand for its own.

    iat: Unix seconds. nonce, ath: "" where it has none.
    """

    jkt: str
    jti: bytes
    iat: int
    nonce: str
    ath: str


def read_proof(lines: Sequence[str], *, method: str, url: str, ath: bytes | None, jkt: str = "") -> Proof:
    """lines: the values of all DPoP headers, one each. url: as the client sees it, query and fragment don't count.

    ath: SHA-256 of the access token beside it; None: none is. jkt: whose the proof has to be; "": anybody's. The
    signature comes last. Raises ProofRefused.

    A header is read once where jkt names its key: a client writes the same one each time, and nobody fills the memory
    who has no token of ours.
    """
    if len(lines) != 1:
        raise ProofRefused("not exactly one")
    head = lines[0].partition(".")[0]
    known = _HEADS.get(head)
    try:
        jws = parse_compact(lines[0], embedded_key=True, header=None if known is None else known[0])
        _require(jws.typ == TYP, "typ")
        _require(jws.alg in PROOFS, "alg")
        key = _key(jws) if known is None else known[1]
        _require(jkt in ("", key.thumbprint), "another key")
        proof = _proof(jws, key)
    except MalformedJose as error:
        raise ProofRefused(str(error)) from error
    _require(jws.payload.get("htm") == method, "htm")
    _require(_fits(jws.payload.get("htu"), url), "htu")
    _require(ath is None or proof.ath == b64(ath), "ath")
    _require(key.verify(jws.alg, jws.signing_input, jws.signature), "signature")
    if jkt and known is None and len(head) <= _HEAD_CHARS:
        _HEADS.keep(head, (jws.header, key))
    return proof


@lru_cache(1024)
def normal_url(url: str) -> str | None:
    """Without query and fragment, normalised by RFC 3986 section 6.2.2 and 6.2.3, except that dot segments stay.

    None: not an absolute http URL. Dot segments stay because servers differ in resolving them: a proof for such a path
    is a proof for no other.
    """
    found = _URL.fullmatch(url) if _PLAIN.fullmatch(url) else None
    if found is None:
        return None
    scheme, host, port, path = found.groups()
    scheme = scheme.lower()
    authority = host.lower() if port in (None, "", _PORTS[scheme]) else f"{host.lower()}:{port}"
    return f"{scheme}://{authority}{_ESCAPE.sub(_normal_escape, path or '/')}"


def _fits(htu: object, url: str) -> bool:
    normal = normal_url(htu) if isinstance(htu, str) else None
    return normal is not None and normal == normal_url(url)


def _key(jws: Compact) -> VerificationKey:
    jwk = jws.header.get("jwk")
    if not isinstance(jwk, dict):
        raise MalformedJose("the header has no jwk")
    key = VerificationKey.of_jwk(jwk, PROOFS)
    _require(jws.alg in key.algorithms, "alg")
    return key


def _proof(jws: Compact, key: VerificationKey) -> Proof:
    jti = hashlib.sha256(jws.text("jti").encode()).digest()[:_JTI_BYTES]
    nonce = jws.text("nonce") if "nonce" in jws.payload else ""
    ath = jws.text("ath") if "ath" in jws.payload else ""
    return Proof(key.thumbprint, jti, jws.seconds("iat"), nonce, ath)


def _normal_escape(found: re.Match[str]) -> str:
    octet = unquote_to_bytes(found[0])
    return octet.decode() if octet[0] in _UNRESERVED else found[0].upper()


def _require(fact: bool, reason: str) -> None:
    if not fact:
        raise ProofRefused(reason)
