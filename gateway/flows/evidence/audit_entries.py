"""Lists the audit log for who may read it, once or as it grows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.audit.entries import kind_shown
from gateway.core.errors import GatewayError
from gateway.core.privacy.sealing import BrokenSeal
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit import Audit, ReadEntry
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import CorruptRow, Vault

_OVERLAP_S: Final = 60
_MOST_AT_ONCE: Final = 100_000


class UnknownEntry(GatewayError):
    """The audit log has no entry of this id."""


@dataclass(frozen=True, slots=True, repr=False)
class Listed:
    """position 0: not linked yet. actor and subject: user names where people are known, else what the entry has.

    unreadable: why personal is empty although there is something; "" otherwise.
    """

    id: int
    position: int
    kind: str
    at: int
    actor: str
    subject: str
    detail: Mapping[str, object]
    personal: Mapping[str, str | list[str]]
    unreadable: str
    request_id: str


async def list_entries(
    pool: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    subject: UUID | None,
    kind: str | None,
    limit: int,
    *,
    since: int = 0,
    after: int = 0,
) -> list[Listed]:
    """The newest, in the order in which they were written. None: of anybody, of any kind. Raises RecordUnavailable.

    since: Unix seconds. after: the id of an entry.
    """
    async with transaction(pool) as connection:
        found = await Audit(connection, vault).newest(subject, kind, limit, since=since, after=after)
        return await named(Users(connection, vault), found[::-1])


async def entries_before(
    pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, kinds: Sequence[str], before: int, limit: int
) -> list[Listed]:
    """The newest first. kinds: none for all. before: an id, 0 for the newest. Raises RecordUnavailable."""
    async with transaction(pool) as connection:
        return await named(Users(connection, vault), await Audit(connection, vault).before(kinds, before, limit))


async def find_entry(pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, entry_id: int) -> Listed:
    """Raises UnknownEntry and RecordUnavailable."""
    async with transaction(pool) as connection:
        found = await Audit(connection, vault).find(entry_id)
        if found is None:
            raise UnknownEntry(f"the audit log has no entry {entry_id}; `bastion audit list` shows ids")
        return (await named(Users(connection, vault), [found]))[0]


@dataclass(slots=True)
class Tail:
    """Entries as they are committed, each once. clock: Unix seconds.

    An entry has its id before its transaction ends, so a smaller one may be seen later: what came in the last
    _OVERLAP_S seconds is asked for again.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    subject: UUID | None
    kind: str | None
    clock: Callable[[], int]
    _after: int = field(default=0, init=False)
    _seen: dict[int, int] = field(default_factory=dict, init=False)

    async def begin(self, limit: int) -> list[Listed]:
        """The newest that are there. Raises RecordUnavailable, as next() does."""
        found = await list_entries(self.pool, self.vault, self.subject, self.kind, max(limit, 1))
        if found:
            self._after = found[0].id - 1
        return self._fresh(found)[-limit:] if limit else self._fresh(found)[:0]

    async def next(self) -> list[Listed]:
        """What is new since."""
        return self._fresh(
            await list_entries(self.pool, self.vault, self.subject, self.kind, _MOST_AT_ONCE, after=self._after)
        )

    def _fresh(self, found: list[Listed]) -> list[Listed]:
        now = self.clock()
        fresh = [one for one in found if one.id not in self._seen]
        self._seen.update((one.id, now) for one in fresh)
        self._after = max([self._after, *(one for one, at in self._seen.items() if at + _OVERLAP_S < now)])
        self._seen = {one: at for one, at in self._seen.items() if one > self._after}
        return fresh


async def named(users: Users, found: list[ReadEntry]) -> list[Listed]:
    names: dict[str, str] = {}
    for text in {one for read in found for one in (read.entry.actor, str(read.entry.subject or ""))}:
        names[text] = await _name(users, text)
    return [_listed(read, names) for read in found]


async def _name(users: Users, text: str) -> str:
    """text itself for what is no person, or nobody's any more."""
    try:
        user = await users.find(UUID(text))
    except (ValueError, CorruptRow, BrokenSeal):
        return text
    return text if user is None else user.username


def _listed(read: ReadEntry, names: Mapping[str, str]) -> Listed:
    entry = read.entry
    return Listed(
        id=entry.id,
        position=read.position,
        kind=kind_shown(entry.kind, read.detail),
        at=entry.at,
        actor=names[entry.actor],
        subject=names[str(entry.subject or "")],
        detail=read.detail,
        personal=read.personal,
        unreadable=read.unreadable,
        request_id=entry.request_id,
    )
