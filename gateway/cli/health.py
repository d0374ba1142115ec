"""`bastion health`: what a container's health check calls."""

from typing import Final

import click

from gateway.cli._options import with_config
from gateway.config import Config
from gateway.core.errors import GatewayError
from gateway.outbound.probe import probe

_OK: Final = 200


class Unhealthy(GatewayError):
    """The server says that it cannot do its work."""


@click.command()
@click.option("--ready", is_flag=True, help="Ask whether the server is ready for requests, not only alive.")
@with_config
def health(config: Config, *, ready: bool) -> None:
    """Exit with status 0 if the server on this machine answers, else with 1."""
    status, body = probe(config.server.ops_listen, "/readyz" if ready else "/healthz")
    if status != _OK:
        raise Unhealthy(f"{config.server.ops_listen} says {status}: {body}")
    click.echo(body)
