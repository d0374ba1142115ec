"""`bastion audit`: read the audit log. Verifying and exporting have modules of their own."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import click

from gateway.cli._audit_entries import line, whole
from gateway.cli._audit_export import FORMAT, READABLE, Shipping, export, ship
from gateway.cli._audit_search import search
from gateway.cli._audit_verify import verify
from gateway.cli._options import with_config
from gateway.cli._times import moment
from gateway.cli.migrate import require_schema
from gateway.config import Config
from gateway.core.audit.entries import Kind
from gateway.core.audit.reference import reference
from gateway.flows.evidence.audit_entries import Listed, Tail, find_entry, list_entries
from gateway.flows.evidence.exports import Format
from gateway.flows.transaction import transaction
from gateway.resources import clock, make_vault
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault

_LOOK_S: Final = 0.5


@click.group()
def audit() -> None:
    """Read the audit log, and verify that nobody changed it."""


_USER: Final = click.option("--user", "name", help="Only of this person: a user name, an e-mail address, or an id.")
_KIND: Final = click.option(
    "--kind", type=click.Choice([kind.value for kind in Kind]), help="Only of this kind, see `bastion audit kinds`."
)


@audit.command("list")
@_USER
@_KIND
@click.option(
    "--since", metavar="WHEN", help="Only since then: `2h` or `7d` ago, or a time in UTC such as 2026-01-31T08:00."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many of the newest.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, name: str | None, kind: str | None, since: str | None, limit: int, as_json: bool) -> None:
    """Show entries, one a line, the newest last. Personal details are readable until the person is erased.

    `bastion audit show ID` shows details that are too long for a line.
    """
    begin = 0 if since is None else moment(since, clock(), "--since")
    entries = asyncio.run(_entries(config, name, kind, limit, begin))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in entries], indent=2))
        return
    for one in entries:
        click.echo(line(one))


@audit.command()
@click.argument("entry_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def show(config: Config, *, entry_id: int, as_json: bool) -> None:
    """Show a whole entry, with the details that `list` leaves out."""
    entry = asyncio.run(_entry(config, entry_id))
    click.echo(json.dumps(asdict(entry), indent=2) if as_json else whole(entry))


@audit.command()
@_USER
@_KIND
@click.option("--limit", type=click.IntRange(0, 100_000), default=10, show_default=True, help="How many to show first.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: one object a line.")
@click.option("--follow", is_flag=True, help="For log shippers: each entry once it is linked, as `export` writes it.")
@click.option(
    "--cursor",
    type=click.Path(path_type=Path),
    help="With --follow: begin after the entry that this file names. Bastion writes the file; while there is none, it"
    " begins with the first entry.",
)
@FORMAT
@READABLE
@with_config
def tail(
    config: Config,
    *,
    name: str | None,
    kind: str | None,
    limit: int,
    as_json: bool,
    follow: bool,
    cursor: Path | None,
    form: Format,
    readable: bool,
) -> None:
    """Show the newest entries, then each new one within a second, until you interrupt it.

    With --follow, it writes every linked entry at least once, without --user, --kind and --limit.
    """
    with suppress(KeyboardInterrupt):
        if follow:
            ship(config, Shipping(form, readable, cursor))
        else:
            show = (lambda one: json.dumps(asdict(one))) if as_json else line
            asyncio.run(_follow(config, name, kind, limit, show))


@audit.command()
def kinds() -> None:
    """Explain every kind of entry: who acts, its meaning, its fields, which of them are personal."""
    click.echo(reference(), nl=False)


async def _entries(config: Config, name: str | None, kind: str | None, limit: int, since: int) -> list[Listed]:
    vault = make_vault(config)
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        subject = None if name is None else await _user_id(pool, vault, name)
        return await list_entries(pool, vault, subject, kind, limit, since=since)


async def _entry(config: Config, entry_id: int) -> Listed:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        return await find_entry(pool, make_vault(config), entry_id)


async def _follow(
    config: Config, name: str | None, kind: str | None, limit: int, shown: Callable[[Listed], str]
) -> None:
    vault = make_vault(config)
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        subject = None if name is None else await _user_id(pool, vault, name)
        followed = Tail(pool, vault, subject, kind, clock)
        entries = await followed.begin(limit)
        while True:
            for one in entries:
                click.echo(shown(one))
            await asyncio.sleep(_LOOK_S)
            entries = await followed.next()


async def _user_id(pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, name: str) -> UUID:
    """An id is taken as it is: an erased person has no name any more. Raises UnknownUser."""
    try:
        return UUID(name)
    except ValueError:
        async with transaction(pool) as connection:
            return (await Users(connection, vault).named(name)).id


audit.add_command(verify)
audit.add_command(export)
audit.add_command(search)
