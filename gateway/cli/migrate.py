"""`bastion migrate`: bring the database to this version's schema, and leave the marks of this fleet's keys in it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import asyncpg
import click

from gateway.cli._options import with_config
from gateway.config import Config
from gateway.core.errors import GatewayError
from gateway.flows.transaction import NotAllowed, transaction
from gateway.resources import key_marks
from gateway.stores.postgres import key_checks
from gateway.stores.postgres.database import connect
from gateway.stores.postgres.migrate import migrate as apply_missing
from gateway.stores.postgres.migrate import missing
from gateway.stores.postgres.outage import DatabaseServer, lack_of_privileges
from gateway.stores.postgres.roles import OWNER, SERVING, Roles

_CONNECT_S: Final = 10.0


class OneRole(GatewayError):
    """Who owns the tables would serve."""


class NotMigrated(GatewayError):
    """The database has not this version's schema."""


async def require_schema(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """What other commands ask first. Raises NotMigrated, NotAllowed, MigrationFailed or RecordUnavailable."""
    async with transaction(pool) as connection:
        names = await missing(connection)
    if names:
        raise NotMigrated(f"the database lacks {', '.join(names)}: run `bastion migrate` first")


@click.command()
@click.option("--check", is_flag=True, help="Only list missing migrations; exit status 1 if there is one.")
@click.option("--roles", "print_roles", is_flag=True, help="Only print the SQL that makes the database's roles.")
@click.option("--new-root-key", is_flag=True, help="Accept the changed root key; everybody is logged out.")
@with_config
def migrate(config: Config, *, check: bool, print_roles: bool, new_root_key: bool) -> None:
    """Bring the database to this version's schema.

    Run it before you start a new version. A second run does nothing. Nodes of the version before go on. The first run
    also stores a mark of each secret, and from then on Bastion refuses a node with other secrets.

    It connects as the role of database.owner_url, and gives the role of database.url what that needs of each table.
    --roles prints SQL for a superuser, for a new database and for one in use. It makes these two roles,
    bastion_auditor (reads the audit log) and bastion_backup (reads everything).
    """
    if print_roles:
        click.echo(roles_of(config).sql(), nl=False)
        return
    if check and new_root_key:
        raise click.UsageError("--check changes nothing, so it can't go with --new-root-key")
    if check:
        _tell_missing(asyncio.run(_missing(config)))
        return
    applied = asyncio.run(_migrate(config, new_root_key=new_root_key))
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The database has this version's schema, and this node has its keys.")


def _tell_missing(names: list[str]) -> None:
    for name in names:
        click.echo(f"missing {name}")
    if names:
        raise SystemExit(1)
    click.echo("Nothing is missing.")


async def _missing(config: Config) -> list[str]:
    async with _connected(config) as connection:
        with _allowed():
            return await missing(connection)


async def _migrate(config: Config, *, new_root_key: bool) -> list[str]:
    async with _connected(config) as connection:
        with _allowed():
            applied = await apply_missing(connection)
            if config.database.owner_url:
                await connection.execute(roles_of(config).grants())
            async with connection.transaction():
                if new_root_key:
                    await key_checks.forget(connection, "root")
                await key_checks.agree(connection, key_marks(config))
        return applied


def roles_of(config: Config) -> Roles:
    """By the names in the URLs. Raises OneRole."""
    database = config.database
    owner = DatabaseServer.of(database.owner_url).role if database.owner_url else OWNER
    roles = Roles(owner, DatabaseServer.of(database.url).role if database.url else SERVING)
    if roles.owner == roles.serving:
        raise OneRole(f"database.url and database.owner_url both name the role {roles.owner}; expected two")
    return roles


@contextmanager
def _allowed() -> Iterator[None]:
    """Raises NotAllowed."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotAllowed(lack_of_privileges(error)) from error


@asynccontextmanager
async def _connected(config: Config) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A migration takes as long as it takes. Raises NotConnected."""
    url = config.database.owner_url or config.database.url
    connection = await connect(url, _CONNECT_S, "bastion migrate")
    try:
        yield connection
    finally:
        await connection.close()
