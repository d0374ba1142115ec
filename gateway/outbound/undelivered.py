"""How requests to others fail. It imports no HTTP client, so that a flow can name the failures without one."""

from gateway.core.errors import GatewayError


class Undelivered(GatewayError):
    """The other side has not said that it has it. The message holds neither the address nor the bearer."""


class Undeliverable(Undelivered):
    """The other side will never take it, however often it is tried."""


class Answered(Undelivered):
    """With another status than 2xx. retry_after: the header of that name, "" without one."""

    def __init__(self, status: int, retry_after: str) -> None:
        super().__init__(f"it answered {status}")
        self.status = status
        self.retry_after = retry_after


class Delayed(Undelivered):
    """Tried again after pause_s seconds at the earliest. counts: as a try of the message; if not, its destination is
    away altogether, and the message may wait for however long that lasts.
    """

    def __init__(self, why: str, pause_s: float, *, counts: bool) -> None:
        super().__init__(why)
        self.pause_s = pause_s
        self.counts = counts


class NotFetched(GatewayError):
    """There is no document, or one that is too long. The message holds host and port at most."""
