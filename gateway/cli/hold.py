"""`bastion hold`: keeps people from being erased."""

import json

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import duration, with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.flows.privacy.holds import Hold, HoldAdmin
from gateway.resources import clock


@click.group()
def hold() -> None:
    """Keep people from being erased, for a lawsuit or an investigation."""


@hold.command()
@click.argument("name", required=False)
@click.option("--all", "everybody", is_flag=True, help="Hold everybody, also people who are added later.")
@click.option("--reason", required=True, metavar="TEXT", help="The reason, for `hold list` and the audit log.")
@click.option("--for", "lasts", metavar="TIME", help="The hold ends by itself then, such as 90d. Default: never.")
@with_config
def add(config: Config, *, name: str | None, everybody: bool, reason: str, lasts: str | None) -> None:
    """Refuse to erase a person until the hold is lifted.

    \b
    bastion hold add ada --reason "case 2026-14" --for 180d
    bastion hold add --all --reason "audit of 2026"
    """  # noqa: D301 - click wants the backspace
    if everybody == (name is not None):
        raise click.UsageError("give the NAME of a person, or --all")
    ends_at = None if lasts is None else clock() + duration("--for", lasts)
    added = acting(config, lambda resources: HoldAdmin(resources.acts, operator()).add(name, reason, ends_at))
    click.echo(f"Hold {added} keeps {name or 'everybody'} from being erased.")


@hold.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, as_json: bool) -> None:
    """List the holds that stand, the oldest first."""
    found = acting(config, lambda resources: HoldAdmin(resources.acts, operator()).list())
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    for one in found:
        until = "until it is lifted" if one.row.ends_at is None else f"until {utc(one.row.ends_at)}"
        click.echo(f"{one.row.id:<6} {one.username or 'everybody':<24} {until}  {one.row.reason}  ({one.row.added_by})")


@hold.command()
@click.argument("hold_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@with_config
def lift(config: Config, *, hold_id: int) -> None:
    """Lift a hold. `bastion hold list` shows the ids."""
    acting(config, lambda resources: HoldAdmin(resources.acts, operator()).lift(hold_id))
    click.echo(f"Hold {hold_id} is lifted.")


def _as_json(one: Hold) -> dict[str, object]:
    row = one.row
    return {
        "id": row.id,
        "username": one.username or None,
        "reason": row.reason,
        "by": row.added_by,
        "added_at": row.added_at,
        "ends_at": row.ends_at,
    }
