"""Tells the audit log of people who were denied, added up so that a loop in a browser is one entry a minute."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.audit.entries import Detail, Entry, Kind
from gateway.core.forward.answer import Answer
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault

EVERY_S: Final = 60.0
_MOST: Final = 10_000


@dataclass(slots=True)
class Denials:
    """The one kind of event that a crash may lose (threats.md D3): what has not been written within the minute."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    clock_us: Callable[[], int]
    _counted: Counter[tuple[UUID, str, str]] = field(default_factory=Counter)

    def count(self, answer: Answer) -> None:
        """Only where the person is known; strangers are in the figures."""
        if answer.outcome == "deny" and answer.subject is not None:
            key = (answer.subject, answer.route, answer.reason)
            if key in self._counted or len(self._counted) < _MOST:
                self._counted[key] += 1

    async def write(self) -> None:
        """What was counted since the last time. Kept for the next time while Postgres does not answer."""
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            async with transaction(self.pool) as connection:
                for (subject, route, reason), times in counted.items():
                    if await Users(connection, self.vault).find(subject) is not None:
                        await Audit(connection, self.vault).append(self._entry(subject, route, reason, times))
        except RecordUnavailable:
            self._counted.update(counted)

    def _entry(self, subject: UUID, route: str, reason: str, times: int) -> Entry:
        detail: Detail = {"route": route, "reason": reason, "times": times}
        return Entry(Kind.ACCESS_DENIED, self.clock_us() // 1_000_000, str(subject), subject, detail, {}, "")
