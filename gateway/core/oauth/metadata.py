"""Owns what clients read of the server (RFC 8414, OpenID Connect Discovery 1.0): what is built, and no more."""

from collections.abc import Iterable
from typing import Final

from gateway.core.assurance.model import CAN_BE_MET
from gateway.core.jose.algorithms import ASSERTIONS, PROOFS, SIGNING_ALGORITHMS
from gateway.core.oauth.authentication import METHODS
from gateway.core.oauth.claims import PERSONAL
from gateway.core.oauth.clients import Client
from gateway.core.oauth.grants import GRANT_TYPES

_CONFIDENTIAL: Final = tuple(method for method in METHODS if method != "none")


def metadata(issuer: str, clients: Iterable[Client]) -> dict[str, object]:
    """issuer: an origin. clients: their scopes are those that anybody may ask for."""
    assertions = sorted(ASSERTIONS)
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth2/par",
        "userinfo_endpoint": f"{issuer}/oauth2/userinfo",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "end_session_endpoint": f"{issuer}/oauth2/logout",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": sorted({"openid"}.union(*(client.scopes for client in clients))),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": [*GRANT_TYPES],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [*SIGNING_ALGORITHMS],
        "token_endpoint_auth_methods_supported": [*METHODS],
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": [*_CONFIDENTIAL],
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": [*METHODS],
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "dpop_signing_alg_values_supported": sorted(PROOFS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": [*CAN_BE_MET],
        "claim_types_supported": ["normal"],
        "claims_supported": ["iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid", "sub", *PERSONAL],
    }
