"""`bastion grant`: which apps have access, and to whose account."""

import json

import click

from gateway.cli._ids import TAKES_ID, id_of
from gateway.cli._options import with_config
from gateway.cli._people import act_on_grants
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.base64url import b64
from gateway.flows.oauth.grants import ListedGrant


@click.group()
def grant() -> None:
    """Show which apps have access, and end it.

    A grant is what an app got when a person signed in to it, or when it asked for tokens of its own. It also ends with
    the person's login.
    """


@grant.command("list")
@click.option("--user", metavar="NAME", help="Only those of this person.")
@click.option("--client", metavar="ID", help="Only those of this app.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, user: str | None, client: str | None, as_json: bool) -> None:
    """List the grants that are live, one a line, with their ids."""
    found = act_on_grants(config, lambda admin: admin.list(user, client))
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    for one in found:
        row, who = one.grant, one.username or "(itself)"
        used = f"since {utc(row.created_at)}, last used {utc(row.last_used_at)}"
        click.echo(f"{b64(row.id)}  {row.client:<20} {who:<20} {used}  {' '.join(row.scopes)}")


@grant.command(context_settings=TAKES_ID)
@click.argument("grant_id", metavar="ID")
@with_config
def revoke(config: Config, *, grant_id: str) -> None:
    """End a grant, as `bastion grant list` shows it. No node accepts a token of it any more.

    The app may ask again. The person's login goes on.
    """
    raw = id_of(grant_id, "grant list")
    ended = act_on_grants(config, lambda admin: admin.revoke(raw))
    click.echo(f"{grant_id} is ended." if ended else f"{grant_id} had ended already.")


def _as_json(one: ListedGrant) -> dict[str, object]:
    row = one.grant
    return {
        "id": b64(row.id),
        "kind": row.kind,
        "client": row.client,
        "user": one.username,
        "login": "" if row.login_id is None else b64(row.login_id),
        "scopes": list(row.scopes),
        "resource": row.resource,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
    }
