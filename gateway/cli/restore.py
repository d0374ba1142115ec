"""`bastion restore`: bring a backup into an empty database, without anything that was taken away since."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._backups import backups_of, node_files
from gateway.cli._options import with_config
from gateway.cli.migrate import roles_of
from gateway.config import Config
from gateway.core.audit.restore import Restore
from gateway.flows.backup.adopting import ADOPTED, Adopting
from gateway.flows.backup.restore import Chosen, RestoreReport, Restoring, finish, list_resting
from gateway.resources import Resources, key_marks, open_resources
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.key_checks import mark_of

_NONE: Final = "none"
_CONNECTIONS: Final = 2
T = TypeVar("T")


@click.command()
@click.argument("place", metavar="DIR/NAME", type=click.Path(path_type=Path), required=False)
@click.option("--keys", "key_file", type=click.Path(path_type=Path), help="A later key file, in place of NAME.keys.")
@click.option("--ledger", metavar="FILE|none", help="The newest erasures.jsonl of any node; `none` if there is none.")
@click.option(
    "--public-key",
    "key_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The public key of the node that made the backup, if it does not lie with this node's checkpoints.",
)
@click.option("--finish", "finishes", is_flag=True, help="Show the API keys and roles that rest, and wake them.")
@click.option(
    "--adopt", "adopts", is_flag=True, help="Make the database safe that was brought back from a copy of its files."
)
@with_config
def restore(
    config: Config,
    *,
    place: Path | None,
    key_file: Path | None,
    ledger: str | None,
    key_files: tuple[Path, ...],
    finishes: bool,
    adopts: bool,
) -> None:
    """Restore a backup into the empty database of database.url. Shut down all nodes first.

    \b
    bastion restore /backups/bastion-20260131T020000Z --ledger /var/lib/bastion/checkpoints/erasures.jsonl
    bastion restore --adopt --ledger /var/lib/bastion/checkpoints/erasures.jsonl
    bastion restore --finish

    Whoever the ledger names is erased again, and what it says was taken away is taken away again. All logins, grants,
    mailed links and codes end, signing keys are replaced, and API keys and roles in the console rest until --finish. A
    record is written beside the checkpoints.

    If the command is killed, no node serves from the database. Run the command again.
    """  # noqa: D301 - click wants the backspace
    if finishes:
        _finish(config)
        return
    if (place is None) != adopts or ledger is None:
        raise click.UsageError("name a backup or --adopt, and the --ledger; or --finish")
    ledger_file = None if ledger == _NONE else Path(ledger)
    if ledger_file is None:
        _confirm_none()
    if place is None:
        _tell(acting(config, lambda resources: _adopting(config, resources).adopt(ledger_file)))
        return
    chosen = Chosen(place, key_file, ledger_file)

    async def work(resources: Resources) -> RestoreReport:
        marks = {name: mark_of(name, key).hex() for name, key in key_marks(config).items()}
        url = config.database.owner_url or config.database.url
        async with make_pool(url, _CONNECTIONS) as pool:  # the serving role may not fill all tables
            backups = backups_of(config, replace(resources.acts, pool=pool), key_files)
            grants = roles_of(config).grants() if config.database.owner_url else ""
            restoring = Restoring(backups, grants, marks, config.keys().tag, resources.functions)
            return await restoring.restore(restoring.check(chosen))

    _tell(_with_empty_database(config, work))


def _adopting(config: Config, resources: Resources) -> Adopting:
    return Adopting(resources.acts, node_files(config), config.keys().tag, resources.functions, operator())


def _confirm_none() -> None:
    """People who were erased since the backup would come back."""
    click.echo("Without a ledger, people who were erased since the backup are readable again.")
    if click.prompt("Type `none` to go on") != _NONE:
        raise click.ClickException("nothing was restored")


def _with_empty_database(config: Config, work: Callable[[Resources], Awaitable[T]]) -> T:
    """As acting(), before there is a schema."""

    async def opened() -> T:
        try:
            async with open_resources(config) as resources:
                return await work(resources)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # what is ours to explain, wrapped by the resources' task group

    return asyncio.run(opened())


def _tell(done: RestoreReport) -> None:
    again = done.again
    what = "The database" if done.restore.backup == ADOPTED else done.restore.backup
    click.echo(f"{what} is restored, and {again.erased} people of the ledger are erased again.")
    click.echo(f"{again.taken} powers that were taken away since the backup are taken away again.")
    if done.is_short:
        click.echo(
            "The backup is older than backup.keep_keys: repeat what was taken away soon after it.",
            err=True,
        )
    click.echo(_lost(done.restore))
    click.echo(
        "All logins, grants, links and codes have ended. API keys and roles rest until `bastion restore --finish`."
    )
    if done.swept is None:
        click.echo("Redis keeps old sessions for up to 60 s. Restart it before you start a node.", err=True)
    click.echo(f"`bastion audit verify` names the restore; --accept-restore {done.restore.id} accepts it.")


def _lost(restore: Restore) -> str:
    kept, lost = restore.kept.position, restore.lost.position
    if lost == kept:
        return f"The audit log goes on after position {kept}. No checkpoint knows of an entry that is lost."
    return f"The audit log goes on after position {kept}. Positions {kept + 1} to {lost} are lost."


def _finish(config: Config) -> None:
    resting = acting(config, lambda resources: list_resting(resources.acts))
    for name, role in resting.roles:
        click.echo(f"role     {role} of {name}")
    for key in resting.keys:
        click.echo(f"API key  {key}")
    if resting.roles or resting.keys:
        click.confirm("Wake all of them? `bastion api-key list` shows what the keys may do.", abort=True)
    woken = acting(config, lambda resources: finish(resources.acts, operator()))
    click.echo(f"The restore is finished: {len(woken.keys)} API keys and {len(woken.roles)} roles are awake.")
