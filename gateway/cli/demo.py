"""`bastion demo`: everything embedded, ready to be looked at."""

from pathlib import Path

import click

from gateway.config import demo_servers


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="Of https://app.localhost."
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("run"),
    show_default=True,
    help="Where all of it is kept.",
)
def demo(port: int, directory: Path) -> None:
    """Start real servers, Caddy, a legacy app and a user; end them with Ctrl-C.

    BASTION_DATABASE_URL and BASTION_REDIS_URL name servers to use instead of embedded ones.
    """
    from gateway.demo.run import run_demo

    run_demo(directory, port, demo_servers())
