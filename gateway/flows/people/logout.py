"""Ends one login on all hosts at once, also when Postgres can't be asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.core.audit.login_events import LoggedOut
from gateway.core.base64url import unb64
from gateway.core.keys import Keys
from gateway.core.session.tokens import tag_of
from gateway.flows.act import Acts
from gateway.flows.oauth.back_channel import end_login
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.files.journal import EndedLogin, Journal

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

    acts: Acts
    keys: Keys
    journal: Journal
    longest_s: int
    count: Callable[[], None]

    async def end(self, ending: Ending) -> bool:
        """True: ended and recorded. False: denied everywhere, and journalled until Postgres answers (threats.md R13).

        Raises StoreUnavailable when Redis does not answer: then a session may still pass, and we don't say otherwise.
        Raises RecordUnavailable when the journal can't be written: then it is over, and may be forgotten.
        """
        self.count()
        ended = EndedLogin(ending.login, self.acts.clock(), ending.request_id)
        try:
            await self._record(ended, ending.tag)
        except RecordUnavailable:
            try:
                await self.acts.deny_until(ending.tag, ended.login, ended.at + self.longest_s)
            finally:  # each does its part, also where the other can't: Redis is away too, the disk is full
                self._journal(ended)
            return False
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
            await self._record(ended)
        with _as_unavailable("what Postgres has now stays in the journal"):
            self.journal.forget(waiting)
        return len(waiting)

    def _journal(self, ended: EndedLogin) -> None:
        try:
            self.journal.append(ended)
        except OSError as error:
            _LOG.error("a logout could not be journalled", why=str(error))
            raise RecordUnavailable("Postgres does not answer, and the journal can't be written") from error

    async def _record(self, ended: EndedLogin, tag: str = "") -> None:
        """Nothing is written where it had ended before; Redis hears of it all the same: a crash may have come between.

        tag: "" where only Postgres knows whose login it is, if anybody's.
        """
        login_id = unb64(ended.login)
        async with self.acts.begin(request_id=ended.request_id, at=ended.at) as act:
            row = await act.logins.find(login_id)
            if row is not None:
                tag = tag or tag_of(self.keys.tag, row.user_id)
                if await end_login(act, login_id, "logout"):
                    act.record(LoggedOut(row.user_id, ended.login))
            if tag:
                act.ends("login", tag, ended.login)


@contextmanager
def _as_unavailable(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordUnavailable(f"{what}: {error}") from error
