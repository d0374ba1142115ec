"""Owns how an ID token that an app sends back is read: whose login it tells of (OpenID Connect Core 3.1.2.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.jose.compact import MalformedJose, parse_compact
from gateway.core.jose.keys import VerificationKey

_ID_TOKEN: Final = "jwt"


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """client: its only audience. subject, sid: of the login that it came from."""

    client: str
    subject: str
    sid: str


def read_hint(text: str, issuer: str, keys: Mapping[str, VerificationKey]) -> IdTokenHint | None:
    """Of an ID token of ours, however old; None for everything else. keys: those that are published, by kid."""
    try:
        jws = parse_compact(text)
        key = keys.get(jws.kid)
        if key is None or jws.typ != _ID_TOKEN or jws.payload.get("iss") != issuer:
            return None
        hint = IdTokenHint(jws.text("aud"), jws.text("sub"), jws.text("sid"))
    except MalformedJose:
        return None
    return hint if key.verify(jws.alg, jws.signing_input, jws.signature) else None
