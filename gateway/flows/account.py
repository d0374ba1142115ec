"""What a person sees and ends of their own logins."""

from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from gateway.core.audit.entries import Entry, Kind
from gateway.core.session.tokens import b64, unb64
from gateway.flows.decisions import LiveLogin
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.logins import Logins
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.revocations import Revocations


@dataclass(frozen=True, slots=True)
class OpenLogin:
    """One browser that is signed in. hosts: the auth host too. Times are Unix seconds; address "" where unknown."""

    id: bytes
    address: str
    user_agent: str
    created_at: int
    last_seen_at: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """Every act commits with its audit entry, then ends the live copy, then answers."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    revocations: Revocations
    clock_us: Callable[[], int]

    async def devices(self, live: LiveLogin) -> list[OpenLogin]:
        """The current one first, then the latest seen. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            found = await Logins(connection, self.vault).list_live(live.person.user_id, self._now())
        opened = [
            OpenLogin(one.id, one.address, one.user_agent, one.created_at, one.last_seen_at, one.hosts) for one in found
        ]
        return sorted(opened, key=lambda one: (one.id != live.token.login_id, -one.last_seen_at))

    async def end_one(self, live: LiveLogin, login_id: bytes, request_id: str) -> bool:
        """False: no live login of this person has that id. Raises RecordUnavailable or StoreUnavailable."""
        now = self._now()
        async with transaction(self.pool) as connection:
            logins = Logins(connection, self.vault)
            row = await logins.find(login_id)
            if row is None or row.user_id != live.person.user_id:
                return False
            if await logins.end(login_id, "ended_by_person", now):
                await Audit(connection, self.vault).append(self._entry(live, login_id, now, request_id))
        await self.revocations.end_login(live.token.tag, b64(login_id))
        return True

    async def end_others(self, live: LiveLogin, request_id: str) -> None:
        """All logins of this person but the one that asks."""
        await self._end_all(live, live.token.login_id, request_id)

    async def end_all(self, live: LiveLogin, request_id: str) -> None:
        """All logins of this person, the one that asks too."""
        await self._end_all(live, None, request_id)

    async def _end_all(self, live: LiveLogin, kept: bytes | None, request_id: str) -> None:
        """Redis hears of all that are over, also of what an earlier try could not tell it; of the asking one last.

        So who is still signed in can try again until everything is done.
        """
        now = self._now()
        async with transaction(self.pool) as connection:
            logins = Logins(connection, self.vault)
            ended = await logins.end_all(live.person.user_id, "ended_by_person", now, except_login=kept)
            for login_id in ended:
                await Audit(connection, self.vault).append(self._entry(live, login_id, now, request_id))
            over = await logins.list_ended(live.person.user_id, now)
        for login_id in sorted(over, key=lambda one: one == live.token.login_id):
            await self.revocations.end_login(live.token.tag, b64(login_id))

    def _entry(self, live: LiveLogin, login_id: bytes, now: int, request_id: str) -> Entry:
        return Entry(
            kind=Kind.SESSION_ENDED,
            at=now,
            actor=str(live.person.user_id),
            subject=live.person.user_id,
            detail={"login": b64(login_id)},
            personal={},
            request_id=request_id,
        )

    def _now(self) -> int:
        return self.clock_us() // 1_000_000


def login_id_of(text: str) -> bytes | None:
    """The id in a page's address; None for anything that is not one."""
    try:
        raw = unb64(text)
    except ValueError:
        return None
    return raw if b64(raw) == text else None
