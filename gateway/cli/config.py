"""`bastion config`: check it, explain it, make secrets for it."""

from pathlib import Path
from typing import Final

import click
from cryptography.fernet import Fernet

from gateway.cli._files import file_troubles
from gateway.cli._options import CONFIG_FILE
from gateway.config import load_config
from gateway.config.reference import example as example_text
from gateway.config.reference import reference as reference_text
from gateway.core.errors import GatewayError

_SECRETS: Final = """\
secrets:
  master_keys:
    - {}
  root_key: {}
  index_key: {}
  peppers:
    p1: {}
"""
_ON_THE_NODE: Final = (
    "These are looked for on this host, by this account: run the command on the node, as the account of the service. "
    "Anywhere else, --without-files checks the rest."
)


class FilesUnusable(GatewayError):
    """One line for each directory or file of the configuration that this account can't use."""


@click.group()
def config() -> None:
    """Check and explain the configuration."""


@config.command()
@CONFIG_FILE
@click.option("--dev", is_flag=True, help="Check it as for the dev profile.")
@click.option("--without-files", is_flag=True, help="Leave out directories and the logo: for a host that is no node.")
def check(config_path: Path | None, *, dev: bool, without_files: bool) -> None:
    """Print every mistake with its place, and warnings; exit status 1 if there is a mistake.

    It also checks the directories and the logo, so run it on the node, as the account of the service. On another host,
    such as the one that builds the configuration, use --without-files.
    """
    loaded = load_config(config_path, dev=dev)
    for problem in loaded.warnings:
        click.echo(f"unsafe: {problem}", err=True)
    for problem in loaded.doubts:
        click.echo(f"warning: {problem}", err=True)
    if troubles := {} if without_files else file_troubles(loaded.config):
        lines = (f"`{key}`: {trouble}" for key, trouble in troubles.items())
        raise FilesUnusable("\n".join((*lines, _ON_THE_NODE)))
    click.echo(f"{loaded.path or 'environment'}: fine ({loaded.config.profile})")


@config.command()
def secrets() -> None:
    """Print new secrets, ready for config.yaml."""
    click.echo(_SECRETS.format(*(Fernet.generate_key().decode() for _ in range(4))), nl=False)


@config.command()
def example() -> None:
    """Print config.example.yaml."""
    click.echo(example_text(), nl=False)


@config.command()
def reference() -> None:
    """Print docs/configuration.md."""
    click.echo(reference_text(), nl=False)
