"""Ends one login on all hosts at once, also when Postgres can't be asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from gateway.core.audit.entries import Entry, Kind
from gateway.core.keys import Keys
from gateway.core.session.tokens import tag_of, unb64
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.files.journal import EndedLogin, Journal
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.logins import Logins
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.revocations import Revocations

_LOG: Final = structlog.stdlib.get_logger("gateway.logout")


@dataclass(frozen=True, slots=True)
class Ending:
    """Which login is to end, as a token whose MAC was right, or a ticket of ours, names it."""

    tag: str
    login: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Logout:
    """longest_s: the longest absolute lifetime that any login has. count: hears of each logout."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    revocations: Revocations
    keys: Keys
    journal: Journal
    longest_s: int
    clock_us: Callable[[], int]
    count: Callable[[], None]

    async def end(self, ending: Ending) -> bool:
        """True: ended and recorded. False: denied everywhere, and journalled until Postgres answers (threats.md R13).

        Raises StoreUnavailable when Redis does not answer: then a session may still pass, and we don't say otherwise.
        Raises RecordUnavailable when the journal can't be written: then it is over, and may be forgotten.
        """
        self.count()
        now = self.clock_us() // 1_000_000
        try:
            await self._record(EndedLogin(ending.login, now, ending.request_id))
        except RecordUnavailable:
            try:
                await self.revocations.deny_until(ending.tag, ending.login, now + self.longest_s)
            finally:  # each does its part, also where the other can't: Redis is away too, the disk is full
                self._journal(EndedLogin(ending.login, now, ending.request_id))
            return False
        # Also when Postgres said that it had ended before: a crash may have come between the two.
        await self.revocations.end_login(ending.tag, ending.login)
        return True

    async def complete(self) -> int:
        """Gives Postgres what it missed, and counts it; called when it answers again.

        Redis hears of it again: it may have lost the marker, and a refill may have asked Postgres before it knew.
        Raises RecordUnavailable, also where the disk fails the journal, or StoreUnavailable; then all of it is still
        in the journal.
        """
        with _as_unavailable("the journal can't be read"):
            waiting = self.journal.waiting()
        for ended in waiting:
            user_id = await self._record(ended)
            if user_id is not None:
                await self.revocations.end_login(tag_of(self.keys.tag, user_id), ended.login)
        with _as_unavailable("what Postgres has now stays in the journal"):
            self.journal.forget(waiting)
        return len(waiting)

    def _journal(self, ended: EndedLogin) -> None:
        try:
            self.journal.append(ended)
        except OSError as error:
            _LOG.error("a logout could not be journalled", why=str(error))
            raise RecordUnavailable("Postgres does not answer, and the journal can't be written") from error

    async def _record(self, ended: EndedLogin) -> UUID | None:
        """The act and its entry in one transaction; nothing where it had ended before. Whose login it is, if any's."""
        login_id = unb64(ended.login)
        async with transaction(self.pool) as connection:
            logins = Logins(connection, self.vault)
            row = await logins.find(login_id)
            if row is None:
                return None
            if not await logins.end(login_id, "logout", ended.at):
                return row.user_id
            await Audit(connection, self.vault).append(
                Entry(
                    kind=Kind.LOGOUT,
                    at=ended.at,
                    actor=str(row.user_id),
                    subject=row.user_id,
                    detail={"login": ended.login},
                    personal={},
                    request_id=ended.request_id,
                )
            )
        return row.user_id


@contextmanager
def _as_unavailable(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordUnavailable(f"{what}: {error}") from error
