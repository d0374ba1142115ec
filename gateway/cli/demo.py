"""`bastion demo`: everything embedded, ready to be looked at."""

from pathlib import Path

import click

from gateway.config.tools import demo_servers


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="The port of https://app.localhost."
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("run"),
    show_default=True,
    help="The directory for all files of the demo.",
)
def demo(port: int, directory: Path) -> None:
    """Start real servers, Caddy, a demo app and a user. Ctrl-C shuts them down.

    BASTION_DATABASE_URL and BASTION_REDIS_URL name servers to use instead of the embedded ones. The role of
    BASTION_DATABASE_OWNER_URL then owns the tables; without it, the role of BASTION_DATABASE_URL does.
    """
    from gateway.demo.run import run_demo

    run_demo(directory, port, demo_servers())
