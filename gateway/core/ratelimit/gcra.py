"""Rate limits as GCRA: the specification whose atomic twin runs inside Redis."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

MOST_A_SECOND: Final = 1_000_000  # one in a microsecond, the unit of buckets
# 100 years. Redis counts in microseconds since 1970, as floating-point numbers that are exact up to 2^53: until 2255.
_MOST_WINDOW_US: Final = 100 * 365 * 86_400 * 1_000_000


class Per(Enum):
    """Whose budget a limit is."""

    CALLER = "caller"  # the principal, else the address
    PRINCIPAL = "principal"
    IP = "ip"  # IPv6: the /64
    EVERYONE = "everyone"


def most_at_once(count: int, period_s: int) -> int:
    """The largest burst of this rate that buckets count exactly: it is refilled within 100 years."""
    return _MOST_WINDOW_US // max(1, period_s * 1_000_000 // count)


@dataclass(frozen=True, slots=True)
class Limit:
    """count requests in period_us, of which burst may come at once.

    interval_us: the time that one request costs. window_us: how far ahead of now the bucket may be full, the burst.
    bucket: what buckets are named after. It holds the arithmetic, because spend() clamps a bucket to the window of its
    caller: two workers with different limits would refill each other's.
    policy_field: an item of RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers section 3).

    Raises AssertionError for values that whoever reads a rate has to refuse before: configuration, policy and console.
    """

    name: str
    count: int
    period_us: int
    burst: int
    per: Per = Per.CALLER
    allow_on_store_failure: bool = False
    interval_us: int = field(init=False, repr=False, compare=False)
    window_us: int = field(init=False, repr=False, compare=False)
    bucket: str = field(init=False, repr=False, compare=False)
    policy_field: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert self.count >= 1
        assert self.burst >= 1
        assert self.period_us >= self.count
        interval_us, period_s = self.period_us // self.count, max(1, self.period_us // 1_000_000)
        assert interval_us * self.burst <= _MOST_WINDOW_US
        object.__setattr__(self, "interval_us", interval_us)
        object.__setattr__(self, "window_us", interval_us * self.burst)
        object.__setattr__(self, "bucket", f"{self.name}:{self.count}/{self.period_us}+{self.burst}")
        object.__setattr__(self, "policy_field", f'"{self.name}";q={self.count};w={period_s}')


@dataclass(frozen=True, slots=True)
class Conformance:
    """full_at_us: when the bucket is full again (the theoretical arrival time of GCRA)."""

    allowed: bool
    retry_after_us: int
    full_at_us: int
    remaining: int


def spend(limit: Limit, full_at_us: int, now_us: int) -> Conformance:
    """Take one request out of a bucket. A refused request costs nothing.

    full_at_us beyond now + window (a clock that was set back) is clamped, so nobody waits longer than a burst.
    """
    start_us = max(min(full_at_us, now_us + limit.window_us), now_us)
    wait_us = start_us + limit.interval_us - limit.window_us - now_us
    if wait_us > 0:
        return Conformance(allowed=False, retry_after_us=wait_us, full_at_us=start_us, remaining=0)
    new_full_at_us = start_us + limit.interval_us
    left = (now_us + limit.window_us - new_full_at_us) // limit.interval_us
    return Conformance(allowed=True, retry_after_us=0, full_at_us=new_full_at_us, remaining=left)


def refund(limit: Limit, full_at_us: int, now_us: int) -> int:
    """full_at_us once a request that was spent is put back, 0 for a full bucket; what others have cost stays."""
    left_us = min(full_at_us, now_us + limit.window_us) - limit.interval_us
    return left_us if left_us > now_us else 0
