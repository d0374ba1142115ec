"""`bastion data`: the map of what is kept."""

import click

from gateway.core.privacy.inventory_reference import reference


@click.command()
def data() -> None:
    """Print the map of data (docs/data.md): each column, Redis key, file and field of the log."""
    click.echo(reference(), nl=False)
