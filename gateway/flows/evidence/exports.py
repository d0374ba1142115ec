"""Writes the chained entries of the audit log for others: once, or as they are linked. Verifies what was written."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import asyncpg

from gateway.core.audit.cef import cef
from gateway.core.audit.chain import Head, Link
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.evidence_events import AuditExported
from gateway.core.audit.jsonl import jsonl
from gateway.core.audit.restore import Restore
from gateway.core.audit.walk import Walk
from gateway.core.errors import GatewayError
from gateway.flows.act import Acts
from gateway.flows.evidence.audit_log import Verification, verdict_of
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit import LAST_POSITION, Audit, Chain
from gateway.stores.postgres.vault import Vault

Format: TypeAlias = Literal["jsonl", "cef"]
_WRITERS = {"jsonl": jsonl, "cef": cef}


class NothingToVerify(GatewayError):
    """Exported files hold no entry."""


class CursorAstray(GatewayError):
    """The chain does not have the link that a cursor names."""


@dataclass(frozen=True, slots=True)
class Span:
    """Positions, the first and the last among them. last: LAST_POSITION where there is no end yet."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A bound of an export that is given as a time, in Unix seconds."""

    at: int


SpanEnd: TypeAlias = int | Moment | None


@dataclass(frozen=True, slots=True)
class Exports:
    """vault: opens what is personal; None writes the stored bytes only, which takes no secret."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    form: Format
    vault: Vault | None = None

    async def span(self, begin: SpanEnd, end: SpanEnd) -> Span:
        """What is linked by now of what was asked for, a Moment at the end left out. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            chain = Chain(connection)
            head = (await chain.head()).position
            first = await chain.first_since(begin.at) or head + 1 if isinstance(begin, Moment) else begin or 1
            last = await chain.last_before(end.at) or 0 if isinstance(end, Moment) else end or head
        return Span(first, min(last, head))

    async def lines(self, span: Span) -> AsyncGenerator[tuple[Head, list[str]]]:
        """Some at a time, and the last link among them. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            async for links in Chain(connection).links(span.first - 1, span.last):
                yield Head(links[-1].position, links[-1].hash), await self._written(connection, links)

    async def after(self, cursor: Head) -> AsyncGenerator[tuple[Head, list[str]]]:
        """What was linked since. Raises CursorAstray and RecordUnavailable."""
        async with transaction(self.pool) as connection:
            found = await Chain(connection).at(cursor.position)
        if found != cursor:
            raise CursorAstray(
                f"the log has another entry at position {cursor.position} than the cursor, or none: the database was"
                " restored or rewritten. Verify the log, then remove the cursor: the tail begins again with the first"
                " entry"
            )
        async for head, lines in self.lines(Span(cursor.position + 1, LAST_POSITION)):
            yield head, lines

    async def _written(
        self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", links: Sequence[Link]
    ) -> list[str]:
        write = _WRITERS[self.form]
        if self.vault is None:
            return [write(one) for one in links]
        opened = await Audit(connection, self.vault).find_all([one.entry.id for one in links])
        return [write(one, opened[one.entry.id].personal) for one in links]


async def tell_export(acts: Acts, operator: str, form: Format, span: Span) -> None:
    """Before the first word is written: who reads people's words leaves an entry. Raises RecordUnavailable."""
    last = None if span.last == LAST_POSITION else span.last
    await acts.tell(AuditExported(None, form, span.first, last), operator=operator)


def verify_links(
    batches: Iterable[list[Link]], checkpoints: Sequence[Checkpoint], restores: Sequence[Restore], *, part: bool
) -> Verification:
    """Of exported files, without a database. part: the log may go on before and after them.

    Raises NothingToVerify.
    """
    walk: Walk | None = None
    for links in batches:
        if walk is None:
            begun = Head(links[0].position - 1, links[0].prev_hash) if part else None
            walk = Walk(checkpoints, restores, begun)
        if not walk.goes_on(links):
            break
    if walk is None:
        raise NothingToVerify("there is no entry to verify")
    if part:
        walk.leave_rest()
    return verdict_of(walk, 0, walk.fault or walk.cut_off())
