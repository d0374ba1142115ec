"""Slows down whoever tries passwords: the AUTH.LOGIN limit, spent before the password is looked at."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from gateway.core.addresses import Address
from gateway.core.errors import StoreUnavailable, TooManyAttempts, TooManyChanges
from gateway.core.login.attempt import Device
from gateway.core.login.throttle import LoginBuckets, LoginLimits, login_buckets
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.stores.redis.buckets import Buckets


@dataclass(frozen=True, slots=True)
class LoginThrottle:
    """limits: AUTH.LOGIN as it is configured at this moment."""

    buckets: Buckets
    limits: Callable[[], LoginLimits]

    def buckets_of(self, address: Address | None, device: Device, *, known: bool) -> LoginBuckets:
        """Who pays for an attempt. known: this device has seen this name sign in."""
        return login_buckets(self.limits(), address, device, known=known)

    async def before(self, paying: LoginBuckets) -> int:
        """Whole seconds to wait, 0: go on. One round trip. Raises StoreUnavailable: then nobody logs in."""
        first = paying.before
        spent = await self.buckets.spend(first.slot, first.who, first.limit)
        return 0 if spent.allowed else _whole_seconds(spent.retry_after_us)

    async def failed(self, paying: LoginBuckets) -> None:
        """What a wrong password costs the address when the attempt was paid by the device."""
        if paying.on_failure is not None:
            await self.buckets.spend(paying.on_failure.slot, paying.on_failure.who, paying.on_failure.limit)

    async def succeeded(self, paying: LoginBuckets) -> None:
        """A known device gets back what it paid; where Redis can't be told, the login stands all the same."""
        if paying.on_success is not None:
            with suppress(StoreUnavailable):
                await self.buckets.refund(paying.on_success.slot, paying.on_success.who, paying.on_success.limit)


@dataclass(frozen=True, slots=True)
class FactorThrottle:
    """limit: AUTH.FACTOR. Codes are counted by whose they are, so that no number of addresses has more tries."""

    buckets: Buckets
    names: BucketNames
    limit: Limit

    async def before(self, user_id: str, device: str) -> None:
        """device: id of one that the person signed in from; "" of all others.

        Raises TooManyAttempts, StoreUnavailable.
        """
        spent = await self.buckets.spend(self.names.of_factor(user_id, device), "", self.limit)
        if not spent.allowed:
            raise TooManyAttempts(_whole_seconds(spent.retry_after_us))


@dataclass(frozen=True, slots=True)
class ChangeThrottle:
    """How often a person may change something: their password, an answer, or others in the console.

    limit: its own for each.
    """

    buckets: Buckets
    names: BucketNames
    limit: Limit

    async def before(self, user_id: UUID) -> None:
        """Raises TooManyChanges, StoreUnavailable."""
        spent = await self.buckets.spend(self.names.of_person(str(user_id)), "", self.limit)
        if not spent.allowed:
            raise TooManyChanges(_whole_seconds(spent.retry_after_us))

    async def unchanged(self, user_id: UUID) -> None:
        """Gives back what before() has cost; where Redis can't be told, it stays spent."""
        with suppress(StoreUnavailable):
            await self.buckets.refund(self.names.of_person(str(user_id)), "", self.limit)


def _whole_seconds(wait_us: int) -> int:
    return max(1, -(-wait_us // 1_000_000))
