"""`bastion serve`: the workers behind the proxy."""

from pathlib import Path

import click

from gateway.cli._options import CONFIG_FILE, DEV
from gateway.config import load_config


@click.command()
@CONFIG_FILE
@DEV
def serve(config_path: Path | None, *, dev: bool) -> None:
    """Serve until SIGTERM. SIGHUP reads the configuration again, SIGUSR1 the policy."""
    from gateway.app import build  # type: ignore[import-not-found, unused-ignore]
    from gateway.serve import serve as serve_workers

    loaded = load_config(config_path, dev=dev)
    for warning in loaded.warnings:
        click.echo(f"UNSAFE, allowed by the dev profile only: {warning}", err=True)
    for doubt in loaded.doubts:
        click.echo(f"warning: {doubt}", err=True)
    serve_workers(loaded.config, lambda: load_config(loaded.path, dev=dev).config, build)
