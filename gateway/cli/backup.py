"""`bastion backup`: the database and its keys, each in a file of its own, of one moment."""

from pathlib import Path

import click

from gateway.cli._acting import acting
from gateway.cli._backups import backups_of
from gateway.cli._options import with_config
from gateway.config import Config


class _MakesByDefault(click.Group):
    """`bastion backup DIR` makes one: a directory is no command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args.insert(0, "make")
        return super().parse_args(ctx, args)


@click.group(cls=_MakesByDefault)
def backup() -> None:
    """Make a backup, or try whether one can be restored.

    `bastion backup DIR` is short for `bastion backup make DIR`.
    """


@backup.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
@with_config
def make(config: Config, directory: Path | None) -> None:
    """Write NAME.dump, NAME.keys and NAME.json into DIRECTORY, by default backup.directory.

    The dump has everything but the wrapped keys, which NAME.keys has. NAME.json describes both, signed with the key of
    this node's checkpoints. Keep the key files apart from the dumps. The command removes key files that are older than
    backup.keep_keys.

    It needs pg_dump, at least as new as the server: from BASTION_PG_BIN, PATH, or bastion-gateway[embedded].
    """
    place = directory or config.backup.directory
    if place is None:
        raise click.UsageError("name a directory, or set backup.directory")
    made = acting(config, lambda resources: backups_of(config, resources.acts).make(place))
    click.echo(f"{made.files.directory / made.files.name}: up to position {made.manifest.position} of the audit log.")
    for file in made.removed:
        click.echo(f"Removed {file}, which was too old.")


@backup.command()
@click.argument("place", metavar="DIR/NAME", type=click.Path(path_type=Path))
@with_config
def verify(config: Config, place: Path) -> None:
    """Restore a backup into a database of its own, follow its audit log, and remove that database again.

    The role of database.url must be allowed to create databases. Exit status 1: the backup can't be restored, or it is
    not what NAME.json says.
    """
    acted = acting(config, lambda resources: backups_of(config, resources.acts).verify(place))
    click.echo(f"{place} can be restored: {acted.position} entries, head {acted.head.hex()}.")
