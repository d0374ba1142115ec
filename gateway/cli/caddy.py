"""`bastion caddy`: what goes into Caddy's configuration."""

import re
from typing import Final

import click

from gateway.cli._options import with_config
from gateway.config import Config
from gateway.config.values import parse_listen
from gateway.core.caddy.caddyfile import example_caddyfile
from gateway.core.caddy.snippet import Snippet, snippet_text

_ONE_WORD: Final = re.compile(r"[^\s{}\"'`#<>]+")


@click.group()
def caddy() -> None:
    """Print the snippets that a Caddyfile imports."""


@caddy.command()
@click.option("--decision", help="Where Caddy reaches decision_listen, if not as configured: unix:/path or host:port.")
@click.option("--web", help="Where Caddy reaches web_listen, likewise.")
@with_config
def snippet(config: Config, decision: str | None, web: str | None) -> None:
    """Print (bastion) and (bastion_auth) for this configuration.

    Write them to a file, import it at the top of the Caddyfile, and put each protected site inside
    `import bastion { ... }`.
    """
    click.echo(snippet_text(_snippet(config, decision, web)), nl=False)


@caddy.command()
def example() -> None:
    """Print a whole Caddyfile to begin with."""
    click.echo(example_caddyfile(Snippet()), nl=False)


def _snippet(config: Config, decision: str | None, web: str | None) -> Snippet:
    headers = config.identity_headers
    return Snippet(
        decision=_upstream(decision or config.server.decision_listen),
        web=_upstream(web or config.server.web_listen),
        remote=headers.remote,
        x_auth_request=headers.x_auth_request,
    )


def _upstream(listen: str) -> str:
    """`unix:/run/x.sock` is `unix//run/x.sock` in Caddy's words."""
    try:
        parse_listen(listen)
    except ValueError as error:
        raise click.BadParameter(f"{listen}: expected unix:/path or host:port") from error
    if not _ONE_WORD.fullmatch(listen):
        raise click.BadParameter(f"{listen}: a Caddyfile takes no spaces, quotes or braces there")
    return f"unix/{listen.removeprefix('unix:')}" if listen.startswith("unix:") else listen
