"""How requests to others fail. It imports no HTTP client, so that a flow can name the failures without one."""

from gateway.core.errors import GatewayError


class Undelivered(GatewayError):
    """The other side has not said that it has it. The message holds neither the address nor the bearer."""


class Undeliverable(Undelivered):
    """The other side will never take it, however often it is tried."""


class NotFetched(GatewayError):
    """There is no document, or one that is too long. The message holds host and port at most."""
