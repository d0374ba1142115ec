"""`bastion breach`: the offline index of breached passwords, and what it says of one."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli._options import with_config
from gateway.cli._password import asked, from_stdin
from gateway.cli._progress import Progress
from gateway.config import Config
from gateway.core.errors import GatewayError
from gateway.resources import breaches_of, clock
from gateway.stores.files.breach_import import import_corpus, parts_of
from gateway.stores.files.breach_index import BreachIndex, IndexHeader


class NotLookedUp(GatewayError):
    """No corpus could be asked."""


class NotWritten(GatewayError):
    """The index could not be written."""


@click.group()
def breach() -> None:
    """Look up passwords that are known from breaches of other services.

    `import` makes the index that `breach.source: index` asks. docs/passwords.md says where the files come from.
    """


@breach.command("import")
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--min-count", default=1, type=click.IntRange(1), help="Leave out passwords that were seen less often.")
@with_config
def import_(config: Config, *, paths: tuple[Path, ...], min_count: int) -> None:
    """Build the index from files of SHA-1 hashes with counts, in order of hash, or directories of ranges.

    An import that was interrupted goes on where it was. The new index takes the place of the old one when it is whole;
    running nodes use it with the next password.

    \b
    bastion breach import pwned-passwords-sha1-ordered-by-hash.txt
    bastion breach import ranges/ --min-count 2
    """  # noqa: D301 - click wants the backspace
    target, progress = config.breach_index, Progress("kB")
    try:
        header = import_corpus(parts_of(paths), target, min_count, clock(), progress)
    except OSError as error:
        raise NotWritten(f"{error.filename or target}: {error.strerror}") from error
    finally:
        progress.end()
    click.echo(_described(target, header))


@breach.command()
@with_config
def info(config: Config) -> None:
    """Show what the index has."""
    click.echo(_described(config.breach_index, BreachIndex(config.breach_index).header()))


@breach.command()
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@with_config
def check(config: Config, *, password_stdin: bool) -> None:
    """Read a password, and print `found` or `not found`."""
    password = from_stdin() if password_stdin else asked(confirm=False)
    verdict = asyncio.run(breaches_of(config, lambda _verdict: None).look(password))
    if verdict == "not_checked":
        why = "breach.source is off" if config.breach.source == "off" else "the log says why"
        raise NotLookedUp(f"the password was not looked up: {why}")
    click.echo("found: it is in lists of breached passwords" if verdict == "found" else "not found")


def _described(path: Path, header: IndexHeader) -> str:
    built = datetime.fromtimestamp(header.built_at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    least = "" if header.min_count == 1 else f", each seen {header.min_count:,} times or more"
    return f"{path}: {header.count:,} passwords{least}, {header.file_bytes / 1e6:,.0f} MB, built {built}"
