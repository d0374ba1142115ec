"""`bastion version`: which build this is, and where its source lies."""

import subprocess
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Final

import click

import gateway

_PACKAGE: Final = Path(gateway.__file__).parent


@click.command()
def version() -> None:
    """Print the version, the commit, the licence, and where the source of this build lies."""
    click.echo(f"version  {version_of('bastion-gateway')}")
    click.echo(f"commit   {commit_of(_PACKAGE)}")
    click.echo("licence  Apache-2.0")
    click.echo(f"source   {_PACKAGE} (compiled modules have their .py beside them)")


def commit_of(package: Path) -> str:
    """What the build wrote down, else that of the checkout."""
    built = package / "commit.txt"
    if built.exists():
        return built.read_text().strip() or "unknown"
    if not (package.parent / ".git").exists():
        return "unknown"
    argv = ["git", "-C", str(package.parent), "rev-parse", "HEAD"]
    try:
        asked = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - our own
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return asked.stdout.strip()
