"""`bastion api-key`: keys by which scripts and apps without a browser come in."""

import json
import re

import click

from gateway.cli._acting import acting, operator
from gateway.cli._ids import TAKES_ID, id_of
from gateway.cli._options import with_config
from gateway.cli._policy import policy_of
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.base64url import b64
from gateway.flows.people.api_keys import DEFAULT_DAYS, ApiKeyAdmin, KeyMaker, ListedKey, WantedKey
from gateway.resources import Resources, notices_of, random_bytes

_DAYS = re.compile(r"([0-9]{1,4})d")


@click.group("api-key")
def api_key() -> None:
    """Make, show and end API keys, which people and operators make for scripts and apps without a browser.

    A key is worth something only while its person is active, on its hosts, and for scopes that the policy's
    `key_scopes` still lets the person give.
    """


@api_key.command()
@click.argument("username", metavar="USER")
@click.option("--name", required=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, required=True, help="Repeat it for more.")
@click.option("--host", "hosts", multiple=True, required=True, help="Where it opens something. Repeat it for more.")
@click.option("--network", "networks", multiple=True, help="Only from there: an address or CIDR. Repeat it for more.")
@click.option("--expires", default=f"{DEFAULT_DAYS}d", show_default=True, help="Days, such as 30d, or never.")
@with_config
def create(
    config: Config,
    *,
    username: str,
    name: str,
    scopes: tuple[str, ...],
    hosts: tuple[str, ...],
    networks: tuple[str, ...],
    expires: str,
) -> None:
    """Make a key of a person and print it, once.

    \b
    bastion api-key create ada --name backup --scope files.read --host files.example.org
    """  # noqa: D301 - click wants the backspace
    wanted = WantedKey(name, scopes, hosts, networks, _days(expires))
    policy = policy_of(config)

    async def work(resources: Resources) -> str:
        maker = KeyMaker(config.keys(), lambda: policy, random_bytes, notices_of(config))
        return await _admin(config, resources).create(maker, username, wanted)

    click.echo(acting(config, work))


@api_key.command("list")
@click.option("--user", metavar="NAME", help="Only those of this person.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, user: str | None, as_json: bool) -> None:
    """List the keys that have not ended, one a line, with their ids. The keys themselves are stored nowhere."""
    found = acting(config, lambda resources: _admin(config, resources).list(user))
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    for one in found:
        row = one.key
        used = "never used" if row.last_used_at is None else f"last used {utc(row.last_used_at)}"
        ends = "never expires" if row.expires_at is None else f"until {utc(row.expires_at)}"
        rests = "" if row.rests_at is None else ", rests"
        where = f"{' '.join(row.hosts)}: {' '.join(row.scopes)}"
        click.echo(f"{b64(row.id)}  {one.username:<20} {row.name:<20} {used}, {ends}{rests}  {where}")


@api_key.command(context_settings=TAKES_ID)
@click.argument("key_id", metavar="ID")
@with_config
def revoke(config: Config, *, key_id: str) -> None:
    """End a key, as `bastion api-key list` shows it. No node accepts it any more."""
    raw = id_of(key_id, "api-key list")
    ended = acting(config, lambda resources: _admin(config, resources).revoke(raw))
    click.echo(f"{key_id} is ended." if ended else f"{key_id} had ended already.")


def _admin(config: Config, resources: Resources) -> ApiKeyAdmin:
    return ApiKeyAdmin(resources.acts, config.keys(), operator())


def _days(text: str) -> int | None:
    """Raises click.UsageError."""
    found = _DAYS.fullmatch(text)
    if found is None and text != "never":
        raise click.UsageError(f"--expires is {text!r}; expected days, such as 30d, or never")
    return None if found is None else int(found[1])


def _as_json(one: ListedKey) -> dict[str, object]:
    row = one.key
    return {
        "id": b64(row.id),
        "user": one.username,
        "name": row.name,
        "scopes": list(row.scopes),
        "hosts": list(row.hosts),
        "networks": list(row.networks),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "rests": row.rests_at is not None,
    }
