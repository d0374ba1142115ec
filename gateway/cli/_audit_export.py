"""`bastion audit export`, and the tail for log shippers."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._times import moment
from gateway.cli.migrate import require_schema
from gateway.config import Config
from gateway.core.audit.chain import Head
from gateway.flows.evidence.exports import Exports, Format, Moment, Span, SpanEnd, tell_export
from gateway.flows.transaction import transaction
from gateway.resources import Resources, clock
from gateway.stores.files.cursors import read_cursor, write_cursor
from gateway.stores.postgres.audit import LAST_POSITION, Chain
from gateway.stores.postgres.database import make_pool

_LOOK_S: Final = 0.5
FORMAT: Final = click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "cef"]),
    default="jsonl",
    show_default=True,
    help="JSON Lines, which `verify --export` takes, or the Common Event Format.",
)
READABLE: Final = click.option(
    "--readable", is_flag=True, help="Add the personal parts, decrypted. Bastion records that you did."
)


@click.command()
@click.option("--from", "begin", metavar="WHEN", help="The first: a position, `7d` ago, or a time in UTC.")
@click.option("--to", "end", metavar="WHEN", help="The last: a position, or a time that is left out itself.")
@FORMAT
@READABLE
@with_config
def export(config: Config, *, begin: str | None, end: str | None, form: Format, readable: bool) -> None:
    """Write the linked entries to standard output, one a line, the oldest first.

    As JSON Lines they have all bytes that the chain covers, so `bastion audit verify --export FILE` verifies them
    without the database and without secrets. Without --readable, personal parts stay encrypted, and the command needs
    no secret either.
    """
    bounds = _bound(begin, "--from"), _bound(end, "--to")

    async def write(exports: Exports, tell: "_Tell") -> None:
        span = await exports.span(*bounds)
        await tell(span)
        async with aclosing(exports.lines(span)) as batches:
            async for _, lines in batches:
                _print(lines)

    _with_exports(config, form, write, readable=readable)


@dataclass(frozen=True, slots=True)
class Shipping:
    """What a log shipper asks for. cursor: the file in which it remembers how far it came."""

    form: Format
    readable: bool
    cursor: Path | None


def ship(config: Config, shipping: Shipping) -> None:
    """Every linked entry after the cursor, at least once, until it is interrupted.

    The cursor is written after the lines have left, so what a crash comes between is written again.
    """

    async def follow(exports: Exports, tell: "_Tell") -> None:
        reached = await _begin(exports, shipping.cursor)
        await tell(Span(reached.position + 1, LAST_POSITION))
        while True:
            async with aclosing(exports.after(reached)) as batches:
                async for head, lines in batches:
                    _print(lines)
                    reached = head
                    if shipping.cursor is not None:
                        write_cursor(shipping.cursor, reached)
            await asyncio.sleep(_LOOK_S)

    _with_exports(config, shipping.form, follow, readable=shipping.readable)


_Tell = Callable[[Span], Awaitable[None]]
_Work = Callable[[Exports, _Tell], Awaitable[None]]


async def _begin(exports: Exports, cursor: Path | None) -> Head:
    """Without a cursor, what is new from now on; with one that was never written, all."""
    if cursor is not None:
        return read_cursor(cursor)
    async with transaction(exports.pool) as connection:
        return await Chain(connection).head()


def _with_exports(config: Config, form: Format, work: _Work, *, readable: bool) -> None:
    """Only who reads personal parts needs secrets, and leaves an entry."""
    if readable:

        async def opened(resources: Resources) -> None:
            acts = resources.acts
            await work(Exports(acts.pool, form, acts.vault), partial(tell_export, acts, operator(), form))

        acting(config, opened)
    else:
        asyncio.run(_as_stored(config, form, work))


async def _as_stored(config: Config, form: Format, work: _Work) -> None:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        await work(Exports(pool, form), _untold)


async def _untold(_span: Span) -> None:
    """Nothing that was stored encrypted is read."""


def _print(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _bound(text: str | None, option: str) -> SpanEnd:
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return max(1, min(int(text), LAST_POSITION))
    return Moment(moment(text, clock(), option))
