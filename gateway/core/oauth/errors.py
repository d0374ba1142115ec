"""Owns the one error that clients of the authorization server get, in the words of their RFCs."""

from typing import Final

from gateway.core.errors import GatewayError

ERRORS: Final = (
    "access_denied", "consent_required", "insufficient_scope", "interaction_required", "invalid_client",
    "invalid_dpop_proof", "invalid_grant", "invalid_request", "invalid_request_uri", "invalid_scope",
    "invalid_target", "invalid_token", "login_required", "registration_not_supported", "request_not_supported",
    "server_error", "temporarily_unavailable", "unauthorized_client", "unmet_authentication_requirements",
    "unsupported_grant_type", "unsupported_response_type", "use_dpop_nonce",
)  # fmt: skip


class OAuthError(GatewayError):
    """error: one of ERRORS, which are registered (RFC 6749 section 5.2 and those that extend it).

    description: for the client's developer, in visible ASCII without quotes; it never repeats what was sent.
    status: where the client is answered directly. challenge: the value of WWW-Authenticate; nonce: of DPoP-Nonce.
    """

    def __init__(
        self, error: str, description: str = "", status: int = 400, *, challenge: str = "", nonce: str = ""
    ) -> None:
        assert error in ERRORS
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error
        self.description = description
        self.status = status
        self.challenge = challenge
        self.nonce = nonce
