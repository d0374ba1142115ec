"""The audit log: entries go in with the act that they tell of, and are linked into the chain afterwards."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.audit.chain import GENESIS, Head, Link, Stored, chain
from gateway.core.audit.entries import Kind, canonical
from gateway.core.audit.entry import Entry
from gateway.core.privacy.periods import Period, month_sealed, months_sealed
from gateway.core.privacy.sealing import NOBODY, BrokenSeal, DataKey, Place
from gateway.stores.postgres import locks
from gateway.stores.postgres.period_keys import PeriodKeys
from gateway.stores.postgres.vault import CorruptRow, Vault

ADDRESS: Final = "address"  # the personal field that entries are searched by
_BATCH: Final = 500
_LINKED_AT_ONCE: Final = 2_000
_PAGE: Final = 20_000
_BEFORE_ALL_IDS: Final = -(2**63)
LAST_POSITION: Final = 2**63 - 1
_ENTRY: Final = "e.id, e.kind, e.at, e.actor, e.subject, e.detail, e.personal, e.request_id"
# Ids grow in the order of the arrays, so that each row finds its term again.
_INSERT_ENTRIES: Final = """
    WITH given AS (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::uuid[], $5::text[], $6::bytea[], $7::text[],
                             $8::bytea[])
               WITH ORDINALITY AS g (kind, at, actor, subject, detail, personal, request_id, term, number)
    ), made AS (
        INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id)
        SELECT kind, at, actor, subject, detail, personal, request_id FROM given ORDER BY number
        RETURNING id
    )
    INSERT INTO audit_terms (term, entry_id)
    SELECT given.term, numbered.id
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM made) AS numbered
      JOIN given USING (number)
     WHERE given.term IS NOT NULL
"""
_DELETE_TERMS: Final = """
    DELETE FROM audit_terms WHERE entry_id IN (SELECT id FROM audit_entries WHERE subject = $1)
"""
READ: Final = f"""
    SELECT {_ENTRY}, l.position, k.wrapped
      FROM audit_entries e
      LEFT JOIN audit_links l ON l.entry_id = e.id
      LEFT JOIN user_keys k ON k.user_id = e.subject
"""  # noqa: S608 - constants
_LIST_NEWEST: Final = f"""
    {READ}
     WHERE ($1::uuid IS NULL OR e.subject = $1)
       AND ($2::text IS NULL OR e.kind = $2 OR (e.kind = 'login' AND $2 = 'session_opened'))
       AND ($2::text IS NULL OR e.kind <> 'login' OR ((e.detail::jsonb) ? 'host') = ($2 = 'session_opened'))
       AND e.at >= $3 AND e.id > $4
     ORDER BY e.id DESC LIMIT $5
"""
_FIND_LAST: Final = f"{READ} WHERE e.kind = $1 ORDER BY e.id DESC LIMIT 1"
_FIND_ENTRY: Final = f"{READ} WHERE e.id = $1"
_FIND_ENTRIES: Final = f"{READ} WHERE e.id = ANY($1::bigint[])"
_LIST_BEFORE: Final = f"""
    {READ}
     WHERE (cardinality($1::text[]) = 0 OR e.kind = ANY($1)) AND ($2::bigint = 0 OR e.id < $2)
     ORDER BY e.id DESC LIMIT $3
"""
_FIND_LINKED: Final = f"{READ} WHERE l.position = $1 AND l.hash = $2"
_HAS_VIEWED: Final = """
    SELECT 1 FROM audit_entries WHERE kind = 'person_viewed' AND actor = $1 AND subject = $2 AND at > $3 LIMIT 1
"""
_COUNT_UNLOCKED: Final = """
    SELECT count(*) FROM audit_entries
     WHERE kind = 'unlocked' AND subject = $1 AND at > $2 AND detail NOT LIKE '%"why"%'
"""
_LOCK_KIND: Final = "SELECT pg_advisory_xact_lock($1, hashtext($2))"
_HAS_DETAIL: Final = "SELECT 1 FROM audit_entries WHERE kind = $1 AND detail = $2 LIMIT 1"
_LOCK_CHAIN: Final = "SELECT pg_advisory_xact_lock($1)"
_SELECT_HEAD: Final = "SELECT position, hash FROM audit_links ORDER BY position DESC LIMIT 1"
_LIST_QUEUE: Final = f"""
    SELECT {_ENTRY} FROM audit_queue q JOIN audit_entries e ON e.id = q.entry_id ORDER BY q.entry_id LIMIT $1
"""  # noqa: S608 - constants
_INSERT_LINKS: Final = """
    INSERT INTO audit_links (position, entry_id, prev_hash, hash)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[])
"""
_COUNT_QUEUE: Final = "SELECT count(*) FROM audit_queue"
_SELECT_OLDEST: Final = """
    SELECT e.at FROM audit_queue q JOIN audit_entries e ON e.id = q.entry_id ORDER BY q.entry_id LIMIT 1
"""
_DELETE_QUEUED: Final = "DELETE FROM audit_queue WHERE entry_id = ANY($1::bigint[])"
_LIST_LINKS: Final = f"""
    SELECT l.position, l.prev_hash, l.hash, {_ENTRY}
      FROM audit_links l JOIN audit_entries e ON e.id = l.entry_id
     WHERE l.position > $1 AND l.position <= $2 ORDER BY l.position LIMIT $3
"""  # noqa: S608 - constants
_FIND_LINK: Final = "SELECT position, hash FROM audit_links WHERE position = $1"
# Entries are linked as they are committed, and dated before: the times of neighbours may be out of order.
_FIRST_SINCE: Final = """
    SELECT min(l.position) FROM audit_entries e JOIN audit_links l ON l.entry_id = e.id WHERE e.at >= $1
"""
_LAST_BEFORE: Final = """
    SELECT max(l.position) FROM audit_entries e JOIN audit_links l ON l.entry_id = e.id WHERE e.at < $1
"""
_WAS_RESTORED: Final = """
    SELECT 1 FROM audit_entries
     WHERE kind = 'restored' AND at >= $1 AND ((detail::jsonb) ->> 'up_to')::bigint < $2 LIMIT 1
"""
_SELECT_NEWEST_LINKED: Final = "SELECT entry_id FROM audit_links ORDER BY position DESC LIMIT 1"
# The bounds of the page keep the join from reading all links for each page.
_COUNT_UNLINKED: Final = """
    WITH page AS MATERIALIZED (SELECT id, at FROM audit_entries WHERE id > $2 ORDER BY id LIMIT $3)
    SELECT max(page.id) AS last, count(*) FILTER (WHERE page.at < $1 AND l.entry_id IS NULL) AS unlinked,
           count(*) FILTER (WHERE page.at < $1 AND l.entry_id IS NULL AND page.id < $4) AS overtaken
      FROM page
      LEFT JOIN audit_links l ON l.entry_id = page.id
            AND l.entry_id BETWEEN (SELECT min(id) FROM page) AND (SELECT max(id) FROM page)
"""


@dataclass(frozen=True, slots=True, repr=False)
class ReadEntry:
    """position 0: not linked yet. unreadable: why personal is empty although there is something; "" otherwise."""

    entry: Stored
    position: int
    personal: Mapping[str, str | list[str]]
    unreadable: str

    @property
    def detail(self) -> Mapping[str, object]:
        found: dict[str, object] = json.loads(self.entry.detail)
        return found


class Audit:
    """Bound to one connection, so that an entry commits with its act or not at all (threats.md D3)."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def append(self, *entries: Entry) -> None:
        """personal is sealed. Where a subject's key is gone, the person was erased meanwhile, and it is dropped.

        An entry without a subject takes the same steps as one with (threats.md L5).
        """
        rows = await self._sealed(entries)
        await self._connection.execute(_INSERT_ENTRIES, *(list(column) for column in zip(*rows, strict=True)))

    async def forget_terms(self, subject: UUID) -> None:
        """No search finds this person's entries by an address any more."""
        await self._connection.execute(_DELETE_TERMS, subject)

    async def has(self, kind: Kind, detail: Mapping[str, object]) -> bool:
        """Whether an entry of this kind says just this. Others who ask wait until the transaction ends."""
        await self._connection.execute(_LOCK_KIND, locks.EVENT_KIND, kind.value)
        return await self._connection.fetchval(_HAS_DETAIL, kind.value, canonical(detail)) is not None

    async def last(self, kind: Kind) -> ReadEntry | None:
        """The newest entry of this kind. Others who ask wait until the transaction ends."""
        await self._connection.execute(_LOCK_KIND, locks.EVENT_KIND, kind.value)
        found = await self.read(await self._connection.fetch(_FIND_LAST, kind.value))
        return found[0] if found else None

    async def newest(
        self, subject: UUID | None, kind: str | None, limit: int, *, since: int, after: int
    ) -> list[ReadEntry]:
        """The newest first. None: of anybody, of any kind. since: Unix seconds. after: an id."""
        return await self.read(await self._connection.fetch(_LIST_NEWEST, subject, kind, since, after, limit))

    async def before(self, kinds: Sequence[str], before: int, limit: int) -> list[ReadEntry]:
        """The newest first. kinds: none for all. before: an id, 0 for the newest."""
        return await self.read(await self._connection.fetch(_LIST_BEFORE, list(kinds), before, limit))

    async def has_viewed(self, actor: str, subject: UUID, since: int) -> bool:
        """Whether who acts looked at the person after since, in Unix seconds."""
        return await self._connection.fetchval(_HAS_VIEWED, actor, subject, since) is not None

    async def count_unlocked(self, subject: UUID, since: int) -> int:
        """How often administrators or operators unlocked the person after since, in Unix seconds."""
        return int(await self._connection.fetchval(_COUNT_UNLOCKED, subject, since))

    async def find(self, entry_id: int) -> ReadEntry | None:
        found = await self.read(await self._connection.fetch(_FIND_ENTRY, entry_id))
        return found[0] if found else None

    async def find_all(self, entry_ids: Sequence[int]) -> dict[int, ReadEntry]:
        """By id, those that there are."""
        found = await self.read(await self._connection.fetch(_FIND_ENTRIES, entry_ids))
        return {one.entry.id: one for one in found}

    async def find_linked(self, position: int, hash_: bytes) -> ReadEntry | None:
        """None: the chain has another entry there, as after a restore."""
        found = await self.read(await self._connection.fetch(_FIND_LINKED, position, hash_))
        return found[0] if found else None

    async def read(self, rows: Sequence[asyncpg.Record]) -> list[ReadEntry]:
        months = months_sealed([row["personal"] for row in rows])
        periods = await PeriodKeys(self._connection, self._vault).opened(months)
        return [self._opened(row, periods) for row in rows]

    def _opened(self, row: asyncpg.Record, periods: Mapping[str, Period]) -> ReadEntry:
        entry, personal, unreadable = _stored(row), dict[str, str | list[str]](), ""
        try:
            personal = self._unsealed(entry, row["wrapped"], periods) if entry.personal else {}
        except CorruptRow:
            unreadable = "the person was erased"
        except BrokenSeal as error:
            unreadable = str(error)
        return ReadEntry(entry, row["position"] or 0, personal, unreadable)

    def _unsealed(
        self, entry: Stored, wrapped: bytes | None, periods: Mapping[str, Period]
    ) -> dict[str, str | list[str]]:
        """Raises CorruptRow and BrokenSeal."""
        subject, month, place = entry.subject, month_sealed(entry.personal), _place(entry.subject)
        key = None if subject is None else self._vault.open(subject, wrapped)
        if month is None:
            if key is None:
                raise BrokenSeal("nobody's, and of no month")
            return {**key.unseal(place, entry.personal)}
        if month not in periods:
            raise BrokenSeal(f"the key of {month} was destroyed")
        return periods[month].unseal(place, entry.personal, key)

    async def _sealed(self, entries: Sequence[Entry]) -> list[tuple[object, ...]]:
        """Their rows, and by what each is searched."""
        sealed = [entry for entry in entries if entry.personal]
        keys = await self._vault.keys_of(self._connection, {entry.subject or NOBODY for entry in sealed})
        periods = {entry.at: await PeriodKeys(self._connection, self._vault).of(entry.at) for entry in sealed}
        return [_row(entry, keys, periods) for entry in entries]


def _row(entry: Entry, keys: Mapping[UUID, DataKey], periods: Mapping[int, Period]) -> tuple[object, ...]:
    personal, term = b"", None
    if entry.personal and (entry.subject is None or entry.subject in keys):
        period, key = periods[entry.at], None if entry.subject is None else keys[entry.subject]
        personal = period.seal(_place(entry.subject), entry.personal, key, entry.at)
        address = entry.personal.get(ADDRESS)
        term = period.term(ADDRESS, str(address)) if address else None
    return (
        entry.kind.value,
        entry.at,
        entry.actor,
        entry.subject,
        canonical(entry.detail),
        personal,
        entry.request_id,
        term,
    )


@dataclass(frozen=True, slots=True)
class Unlinked:
    """overtaken: how many of them are older than the newest that is linked, though links are made in order."""

    late: int
    overtaken: int


class Chain:
    """The linker's and the verifier's side of the log. Bound to one connection."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection

    async def link_next(self) -> int:
        """Link committed entries, count them, and keep the head locked until the transaction ends."""
        await self._connection.execute(_LOCK_CHAIN, locks.CHAIN)
        head = await self.head()
        waiting = [_stored(row) for row in await self._connection.fetch(_LIST_QUEUE, _LINKED_AT_ONCE)]
        if not waiting:
            return 0
        links = chain(head.hash, head.position, waiting)
        await self._connection.execute(
            _INSERT_LINKS,
            [one.position for one in links],
            [one.entry.id for one in links],
            [one.prev_hash for one in links],
            [one.hash for one in links],
        )
        await self._connection.execute(_DELETE_QUEUED, [one.entry.id for one in links])
        return len(links)

    async def head(self) -> Head:
        row = await self._connection.fetchrow(_SELECT_HEAD)
        return Head(0, GENESIS) if row is None else Head(row["position"], row["hash"])

    async def at(self, position: int) -> Head | None:
        """The link there, as if it were the last; before the first, GENESIS. None: there is none."""
        if position == 0:
            return Head(0, GENESIS)
        row = await self._connection.fetchrow(_FIND_LINK, position)
        return None if row is None else Head(row["position"], row["hash"])

    async def lacks(self, position: int, hash_: bytes, at: int) -> bool:
        """Whether a link that was there at this Unix second is there no more, and no restore explains it."""
        link = await self.at(position)
        if link is not None and link.hash == hash_:
            return False
        return await self._connection.fetchval(_WAS_RESTORED, at, position) is None

    async def first_since(self, at: int) -> int | None:
        """The first position with an entry of this Unix second or later."""
        found: int | None = await self._connection.fetchval(_FIRST_SINCE, at)
        return found

    async def last_before(self, at: int) -> int | None:
        """The last position with an entry of before this Unix second."""
        found: int | None = await self._connection.fetchval(_LAST_BEFORE, at)
        return found

    async def links(self, after: int = 0, up_to: int = LAST_POSITION) -> AsyncIterator[list[Link]]:
        """Of these positions, all of them in order, some at a time."""
        position = after
        while found := await self.after(position, _BATCH, up_to):
            yield found
            position = found[-1].position

    async def after(self, position: int, most: int, up_to: int = LAST_POSITION) -> list[Link]:
        """The next ones, in order."""
        rows = await self._connection.fetch(_LIST_LINKS, position, up_to, most)
        return [Link(row["position"], _stored(row), row["prev_hash"], row["hash"]) for row in rows]

    async def count_waiting(self) -> int:
        """Committed entries that no link holds yet."""
        found: int = await self._connection.fetchval(_COUNT_QUEUE)
        return found

    async def oldest_waiting(self) -> int | None:
        """Since when the first of them is there, in Unix seconds."""
        found: int | None = await self._connection.fetchval(_SELECT_OLDEST)
        return found

    async def waiting(self) -> list[Stored]:
        """Committed entries that no link holds yet, in the order in which they will be linked."""
        return [_stored(row) for row in await self._connection.fetch(_LIST_QUEUE, None)]

    async def count_unlinked(self, before: int) -> Unlinked:
        """Entries of before this Unix second that no link holds: the linker is behind, or somebody took links away.

        Page by page, because no statement may take longer than the pool allows, however long the log is.
        """
        unlinked, overtaken = 0, 0
        newest = await self._connection.fetchval(_SELECT_NEWEST_LINKED) or _BEFORE_ALL_IDS
        last: int | None = _BEFORE_ALL_IDS
        while last is not None:
            page = await self._connection.fetchrow(_COUNT_UNLINKED, before, last, _PAGE, newest)
            assert page is not None
            unlinked += page["unlinked"]
            overtaken += page["overtaken"]
            last = page["last"]
        return Unlinked(unlinked, overtaken)


def _stored(row: asyncpg.Record) -> Stored:
    return Stored(
        id=row["id"],
        kind=row["kind"],
        at=row["at"],
        actor=row["actor"],
        subject=row["subject"],
        detail=row["detail"],
        personal=row["personal"],
        request_id=row["request_id"],
    )


def _place(subject: UUID | None) -> Place:
    return Place("audit_entries", "personal", subject or NOBODY)
