"""`bastion user import`: people of another system, with their password hashes."""

from collections import Counter
from pathlib import Path
from typing import Final

import click

from gateway.cli._options import with_config
from gateway.cli._people import act_on_imports
from gateway.config import Config
from gateway.core.login.authelia import read_authelia
from gateway.flows.people.importing import ImportOutcome

_COUNTED: Final[dict[ImportOutcome, str]] = {
    "imported": "imported",
    "invited": "invited",
    "exists": "there already",
    "left out": "left out",
}


@click.group("import")
def import_() -> None:
    """Take people over from another system."""


@import_.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@with_config
def authelia(config: Config, *, file: Path, dry_run: bool) -> None:
    """Take over the people of FILE, Authelia's users_database.yml, or any YAML of that shape.

    argon2, bcrypt, PBKDF2 and scrypt hashes come over, and are stored anew when their person logs in. A person with
    another hash is invited by mail to choose a password, or left out if there is no mail. A person who exists already
    stays as they are, so the command may run again.

    \b
    bastion user import authelia users_database.yml --dry-run
    """  # noqa: D301 - click wants the backspace
    arrivals = read_authelia(file.read_text(encoding="utf-8"), file.name)
    people = act_on_imports(config, lambda importing: importing.take_over(arrivals, dry_run=dry_run))
    for one in people:
        click.echo(f"{one.username:<24} {one.outcome:<9} {one.why}")
    counts = Counter(one.outcome for one in people)
    told = ", ".join(f"{counts[outcome]} {words}" for outcome, words in _COUNTED.items())
    click.echo(f"{told}.{' Nothing was changed.' if dry_run else ''}")
