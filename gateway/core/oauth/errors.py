"""Owns the one error that clients of the authorization server get, in the words of their RFCs."""

from gateway.core.errors import GatewayError


class OAuthError(GatewayError):
    """error: a registered code (RFC 6749 section 5.2 and those that extend it).

    description: for the client's developer, in visible ASCII without quotes; it never repeats what was sent.
    status: where the client is answered directly. challenge: the value of WWW-Authenticate; nonce: of DPoP-Nonce.
    """

    def __init__(
        self, error: str, description: str = "", status: int = 400, *, challenge: str = "", nonce: str = ""
    ) -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error
        self.description = description
        self.status = status
        self.challenge = challenge
        self.nonce = nonce
