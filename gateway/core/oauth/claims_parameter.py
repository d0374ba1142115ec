"""Owns the `claims` parameter (OpenID Connect Core section 5.5): which claims a client asks for, and how urgently."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.jose.compact import MalformedJose, read_object
from gateway.core.oauth.errors import OAuthError

ClaimsAsked = Mapping[str, Mapping[str, Mapping[str, Any]]]  # id_token or userinfo -> claim -> essential, value, values
_PLACES: Final = ("id_token", "userinfo")
_MEMBERS: Final = ("essential", "value", "values")
_MOST_CHARS: Final = 2000
_WRONG: Final = "claims is not a JSON object as OpenID Connect Core section 5.5 has it"


def read_claims(text: str) -> ClaimsAsked:
    """text "" asks for nothing. Members that nobody knows are left out. Raises OAuthError."""
    if not text:
        return {}
    if len(text) > _MOST_CHARS:
        raise OAuthError("invalid_request", f"claims is longer than {_MOST_CHARS} characters")
    try:
        asked = read_object(text.encode())
    except MalformedJose as error:
        raise OAuthError("invalid_request", _WRONG) from error
    return {place: _claims_of(asked[place]) for place in _PLACES if asked.get(place) is not None}


def essential_values(asked: ClaimsAsked, claim: str) -> frozenset[str]:
    """Of a claim in the ID token: it has to have one of these. Empty: anything will do."""
    about = asked.get("id_token", {}).get(claim, {})
    values = [*([about["value"]] if "value" in about else []), *about.get("values", [])]
    return frozenset(map(str, values)) if about.get("essential") or claim == "sub" else frozenset()


def _claims_of(claims: object) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(claims, dict):
        raise OAuthError("invalid_request", _WRONG)
    return {name: _about(value) for name, value in claims.items()}


def _about(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise OAuthError("invalid_request", _WRONG)
    about = {name: value[name] for name in _MEMBERS if name in value}
    if not isinstance(about.get("essential", False), bool) or not isinstance(about.get("values", []), list):
        raise OAuthError("invalid_request", _WRONG)
    return about
