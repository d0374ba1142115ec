"""`bastion retention`: takes what is too old, and shows what was or would be taken."""

import json

import click

from gateway.cli._acting import acting
from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.privacy.retention import MEANINGS
from gateway.flows.privacy.retention import Retention


@click.group()
def retention() -> None:
    """Take what the section `retention` says is too old.

    The leader does so once a day. A hold (`bastion hold add`) keeps what is of a person.
    """


@retention.command()
@click.option("--dry-run", is_flag=True, help="Show what would be taken, and take nothing.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def run(config: Config, *, dry_run: bool, as_json: bool) -> None:
    """Take now what is too old."""
    terms = config.retention.terms()
    if dry_run:
        found = acting(config, lambda resources: Retention(resources.acts, terms).dry_run())
        if as_json:
            click.echo(json.dumps([{"rule": one.rule.value, "until": one.until, "count": one.count} for one in found]))
            return
        for one in found:
            what = "off" if one.until is None else f"would take {one.count}, of before {utc(one.until)}"
            click.echo(f"{one.rule.value:<16} {what}  ({MEANINGS[one.rule]})")
        return
    done = acting(config, lambda resources: Retention(resources.acts, terms).run())
    if as_json:
        rows = [{"rule": one.rule.value, "taken": one.taken, "stopped": one.stopped} for one in done]
        click.echo(json.dumps(rows))
    for each in done if not as_json else ():
        click.echo(f"{each.rule.value:<16} " + (f"stopped: {each.stopped}" if each.stopped else f"took {each.taken}"))
    if any(one.stopped for one in done):
        raise SystemExit(1)


@retention.command()
@with_config
def status(config: Config) -> None:
    """Show the last run of each rule."""
    for one in acting(config, lambda resources: Retention(resources.acts, config.retention.terms()).status()):
        what = f"stopped: {one.stopped}" if one.stopped else f"took {one.taken}"
        click.echo(f"{one.rule.value:<16} {utc(one.at)}  {what}")
