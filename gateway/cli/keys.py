"""`bastion keys`: the keys that data is encrypted under."""

import json
from collections.abc import Iterator

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.flows.keys.key_status import KeyStatus, MasterStatus, key_status
from gateway.flows.keys.master_rotation import MasterRotation


@click.group()
def keys() -> None:
    """Show and rotate the keys that data is encrypted under.

    Master keys are in the configuration. They encrypt the keys in the database: of each person, of each month of the
    audit log, and of the installation. For the keys that sign tokens see `bastion signing-key`.
    """


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def status(config: Config, *, as_json: bool) -> None:
    """Show each key, its age, and what is under it.

    A master key that "may be destroyed" opens nothing in the database any more. Backups of the database and copies of
    its files from before still need it.
    """
    found = acting(config, lambda resources: key_status(resources.acts))
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2))
        return
    for line in _lines(found):
        click.echo(line)


@keys.command("rotate-master")
@click.argument("master", default="", metavar="[ID]")
@with_config
def rotate_master(config: Config, *, master: str) -> None:
    """Let a new master key wrap all keys, while people go on logging in.

    Put the new key first in secrets.master_keys on all nodes, keep the old one behind it, and SIGHUP. Then run this
    command once. It refuses if a running worker lacks the new key, and names the worker. ID is of another key than the
    first, as `bastion keys status` shows it.

    \b
    bastion keys rotate-master
    bastion keys status          # until the old key may be destroyed
    """  # noqa: D301 - click wants the backspace
    begun = acting(config, lambda resources: MasterRotation(resources.acts, operator()).begin(master))
    click.echo(f"The master key {begun.master} wraps from now on. Bastion wraps all other keys anew.")
    click.echo(f"Keep {begun.previous} until `bastion keys status` says that it may be destroyed.")


def _lines(found: KeyStatus) -> Iterator[str]:
    for one in found.masters:
        yield f"master  {one.id or '(unknown)':<9}  {_state(one, found)}"
    if not found.done:
        yield "Bastion is wrapping keys anew: a worker of the fleet has to run."
    for purpose, made_at in found.system:
        yield f"system  {purpose:<9}  since {utc(made_at)}"
    for month, destroyed_at in found.months:
        yield f"month   {month:<9}  {'' if destroyed_at is None else f'destroyed {utc(destroyed_at)}'}".rstrip()


def _state(one: MasterStatus, found: KeyStatus) -> str:
    parts = [
        "wraps new keys" if one.is_active else "",
        f"{sum(one.rows.values())} keys under it",
        "" if one.first_seen_at is None else f"since {utc(one.first_seen_at)}",
        f"on {one.workers} of {found.workers} workers" if one.id else "",
        "" if one.is_here or not one.id else "not on this node",
        "may be destroyed" if one.may_be_destroyed else "",
    ]
    return ", ".join(part for part in parts if part)


def _as_json(found: KeyStatus) -> dict[str, object]:
    return {
        "masters": [
            {
                "id": one.id or None,
                "active": one.is_active,
                "on_this_node": one.is_here,
                "first_seen_at": one.first_seen_at,
                "rows": dict(one.rows),
                "workers": one.workers,
                "may_be_destroyed": one.may_be_destroyed,
            }
            for one in found.masters
        ],
        "done": found.done,
        "workers": found.workers,
        "system": [{"purpose": purpose, "made_at": made_at} for purpose, made_at in found.system],
        "months": [{"month": month, "destroyed_at": destroyed_at} for month, destroyed_at in found.months],
    }
