"""Rate limits as GCRA: the specification whose atomic twin runs inside Redis."""

from dataclasses import dataclass
from enum import Enum


class Per(Enum):
    """Whose budget a limit is."""

    CALLER = "caller"  # the principal, else the address
    PRINCIPAL = "principal"
    IP = "ip"  # IPv6: the /64
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Limit:
    """count requests in period_us, of which burst may come at once.

    Raises AssertionError for values that the policy compiler has to refuse before.
    """

    name: str
    count: int
    period_us: int
    burst: int
    per: Per = Per.CALLER
    allow_on_store_failure: bool = False

    def __post_init__(self) -> None:
        assert self.count >= 1
        assert self.burst >= 1
        assert self.period_us >= self.count

    @property
    def interval_us(self) -> int:
        """The time that one request costs."""
        return self.period_us // self.count

    @property
    def window_us(self) -> int:
        """How far ahead of now the bucket may be full: the burst."""
        return self.interval_us * self.burst


@dataclass(frozen=True, slots=True)
class Verdict:
    """full_at_us: when the bucket is full again (the theoretical arrival time of GCRA)."""

    allowed: bool
    retry_after_us: int
    full_at_us: int
    remaining: int


def spend(limit: Limit, full_at_us: int, now_us: int) -> Verdict:
    """Take one request out of a bucket. A refused request costs nothing.

    full_at_us beyond now + window (a clock that was set back) is clamped, so nobody waits longer than a burst.
    """
    start_us = max(min(full_at_us, now_us + limit.window_us), now_us)
    wait_us = start_us + limit.interval_us - limit.window_us - now_us
    if wait_us > 0:
        return Verdict(allowed=False, retry_after_us=wait_us, full_at_us=start_us, remaining=0)
    new_full_at_us = start_us + limit.interval_us
    left = (now_us + limit.window_us - new_full_at_us) // limit.interval_us
    return Verdict(allowed=True, retry_after_us=0, full_at_us=new_full_at_us, remaining=left)
