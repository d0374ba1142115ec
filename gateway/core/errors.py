"""The root of every error that is ours; each module keeps its own beside what raises them."""

from dataclasses import dataclass


class GatewayError(Exception):
    """Says what went wrong in protocol words; HTTP meets it only in web/errors.py."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Why a store can't be used.

    server: which one and as whom, without secrets; "" where the connection is not the cause. reason: in the driver's
    or the server's words. advice: what the operator does next; "" where that is not known.
    """

    reason: str
    server: str = ""
    advice: str = ""

    def __str__(self) -> str:
        cause = f"no connection to {self.server}: {self.reason}" if self.server else self.reason
        return f"{cause}; {self.advice}" if self.advice else cause


class TooManyAttempts(GatewayError):
    """A limit is spent. retry_after_s: whole seconds until the next attempt has a chance."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many attempts")
        self.retry_after_s = retry_after_s


class TooManyChanges(TooManyAttempts):
    """A person who is signed in did something too often."""


class StoreOutage(GatewayError):
    """A store can't be used now."""

    def __init__(self, cause: Outage | str) -> None:
        super().__init__(cause)

    @property
    def outage(self) -> Outage:
        cause = self.args[0]
        return cause if isinstance(cause, Outage) else Outage(str(cause))


class StoreUnavailable(StoreOutage):
    """Redis, the live copy and the limits, did not answer: unknown, so nobody passes."""
