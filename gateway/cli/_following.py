"""How commands say on which workers a change is in force."""

import click

from gateway.flows.admin.live_settings import Following


def told_following(following: Following) -> None:
    """Exits with 1 where a worker is behind."""
    if not following.workers:
        click.echo("saved; no worker has reported, so it is in force when one starts")
        return
    click.echo(f"in force on {following.in_force} of {following.workers} workers")
    for line in following.behind:
        click.echo(f"behind: {line}", err=True)
    if following.behind:
        raise SystemExit(1)
