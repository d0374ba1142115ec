"""Counts sign-ins by hour, as the work of the leader: no page counts the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.pictures.sign_ins import BANDS, named
from gateway.core.pictures.spans import LAST_WEEK
from gateway.core.units import DAY_S, HOUR_S
from gateway.flows.act import Acts
from gateway.flows.transaction import transaction
from gateway.stores.postgres.sign_in_hours import SignInHours

_AT_ONCE_S: Final = 6 * HOUR_S
_KEPT_S: Final = 8 * DAY_S


@dataclass(frozen=True, slots=True)
class SignInsCounted:
    """times: when each hour begins. series: by what it is, a number for each hour."""

    times: Sequence[int]
    series: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class SignIns:
    """All of it raises RecordUnavailable."""

    acts: Acts

    async def last_week(self) -> SignInsCounted:
        now = self.acts.clock()
        times = LAST_WEEK.times(now)
        async with transaction(self.acts.pool) as connection:
            found = await SignInHours(connection).list(times[0])
        return SignInsCounted(times, LAST_WEEK.sorted_in(now, named(found)))

    async def count(self) -> None:
        """What was counted last, once more: entries are committed a moment after their time."""
        now = self.acts.clock()
        end, first = now // HOUR_S * HOUR_S + HOUR_S, LAST_WEEK.times(now)[0]
        async with transaction(self.acts.pool) as connection:
            hours = SignInHours(connection)
            await hours.purge(now - _KEPT_S)
            last = await hours.last()
        begin = first if last is None else max(first, min(last, end) - HOUR_S)  # a clock may have been ahead
        while begin < end:
            until = min(begin + _AT_ONCE_S, end)
            async with transaction(self.acts.pool) as connection:
                await SignInHours(connection).count(begin, until, BANDS)
            begin = until
