"""Slows down whoever tries passwords: the AUTH.LOGIN limit, spent before the password is looked at."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.login.throttle import LoginBuckets
from gateway.core.ratelimit.gcra import Limit
from gateway.stores.redis.buckets import Buckets


@dataclass(frozen=True, slots=True)
class LoginThrottle:
    """limit: AUTH.LOGIN as it is configured at this moment."""

    buckets: Buckets
    limit: Callable[[], Limit]

    async def before(self, buckets: LoginBuckets) -> int:
        """Whole seconds to wait, 0: go on. One round trip. Raises StoreUnavailable: then nobody logs in."""
        spent = await self.buckets.spend(buckets.before.slot, buckets.before.who, self.limit())
        return 0 if spent.allowed else max(1, -(-spent.retry_after_us // 1_000_000))

    async def failed(self, buckets: LoginBuckets) -> None:
        """What a wrong password costs the address when the attempt was paid by the device."""
        if buckets.on_failure is not None:
            await self.buckets.spend(buckets.on_failure.slot, buckets.on_failure.who, self.limit())
