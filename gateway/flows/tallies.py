"""Tells the audit log of what happens too often for an entry each: added up, so that a loop is one entry a minute."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from gateway.core.audit.entries import Detail, Entry, Kind
from gateway.core.forward.answer import Answer
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault

EVERY_S: Final = 60.0
_MOST_DENIALS: Final = 10_000
_MOST_DOUBLED: Final = 100  # strangers choose hosts under a wildcard
OTHER_HOSTS: Final = "(others)"


class _Denial(NamedTuple):
    """A known person, who was refused on a route."""

    subject: UUID
    route: str
    reason: str

    def entry(self, at: int, times: int) -> Entry:
        detail: Detail = {"route": self.route, "reason": self.reason, "times": times}
        return Entry(Kind.ACCESS_DENIED, at, str(self.subject), self.subject, detail, {}, "")


class _Doubled(NamedTuple):
    """A cookie of ours that came twice (threats.md H1): nobody's, because nobody was read from it."""

    host: str
    cookie: str

    def entry(self, at: int, times: int) -> Entry:
        detail: Detail = {"host": self.host, "cookie": self.cookie, "times": times}
        return Entry(Kind.COOKIE_DOUBLED, at, "", None, detail, {}, "")


@dataclass(slots=True)
class Tallies:
    """The one kind of event that a crash may lose (threats.md D3): what has not been written within the minute."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    clock_us: Callable[[], int]
    _denials: Counter[_Denial] = field(default_factory=Counter)
    _doubled: Counter[_Doubled] = field(default_factory=Counter)

    def count_denial(self, answer: Answer) -> None:
        """Only where the person is known; strangers are in the figures."""
        if answer.outcome == "deny" and answer.subject is not None:
            one = _Denial(answer.subject, answer.route, answer.reason)
            if one in self._denials or len(self._denials) < _MOST_DENIALS:
                self._denials[one] += 1

    def count_doubled(self, host: str, cookies: Iterable[str]) -> None:
        """Of more hosts than a tally has room for, the rest is one."""
        for cookie in cookies:
            one = _Doubled(host, cookie)
            if one not in self._doubled and len(self._doubled) >= _MOST_DOUBLED:
                one = _Doubled(OTHER_HOSTS, cookie)
            self._doubled[one] += 1

    async def write(self) -> None:
        """What was counted since the last time. Kept for the next time while Postgres does not answer."""
        denials, self._denials = self._denials, Counter()
        doubled, self._doubled = self._doubled, Counter()
        if not denials and not doubled:
            return
        now = self.clock_us() // 1_000_000
        try:
            async with transaction(self.pool) as connection:
                audit, users = Audit(connection, self.vault), Users(connection, self.vault)
                for denial, times in denials.items():
                    if await users.find(denial.subject) is not None:
                        await audit.append(denial.entry(now, times))
                for one, times in doubled.items():
                    await audit.append(one.entry(now, times))
        except RecordUnavailable:
            self._denials.update(denials)
            self._doubled.update(doubled)
