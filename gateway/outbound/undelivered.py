"""The failure of a delivery. It imports no HTTP client, so that a flow can name it without one."""

from gateway.core.errors import GatewayError


class Undelivered(GatewayError):
    """The other side has not said that it has it. The message holds neither the address nor the bearer."""
