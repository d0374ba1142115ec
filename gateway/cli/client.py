"""`bastion client`: apps that get tokens and stand in no policy file."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._policy import policy_of
from gateway.cli._times import utc
from gateway.config import Config
from gateway.flows.oauth.client_admin import ClientAdmin, PolicyWith, Settings
from gateway.resources import random_bytes
from gateway.stores.postgres.clients import ClientRow

T = TypeVar("T")
_FILE = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML or JSON with the settings: what stands below a client's name in `clients:` of a policy.",
)
_SET = click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="One setting, as YAML writes it.")


@click.group()
def client() -> None:
    """Register apps that get tokens, beside those that the policy declares.

    A registered client has the settings of a declared one, but for `secret`: Bastion makes it, shows it once and keeps
    its SHA-256. Workers know of a change within 2 seconds.
    """


@client.command()
@click.argument("client_id", metavar="ID")
@_FILE
@_SET
@with_config
def add(config: Config, *, client_id: str, file: Path | None, settings: tuple[str, ...]) -> None:
    """Register a client, and print its secret if it has one.

    \b
    bastion client add wiki --set 'name=Team wiki' --set type=web \\
      --set redirect_uris=https://wiki.example.org/cb --set 'scopes=[openid, profile]'
    """  # noqa: D301 - click wants the backspace
    given = _settings(file, settings)
    _tell_secret(_act(config, lambda admin: admin.add(client_id, given, _policy_with(config))))
    click.echo(f"{client_id} is registered.", err=True)


@client.command()
@click.argument("client_id", metavar="ID")
@_FILE
@_SET
@with_config
def change(config: Config, *, client_id: str, file: Path | None, settings: tuple[str, ...]) -> None:
    """Give a client other settings: all of them anew. Its secret stays, and its grants go on."""
    given = _settings(file, settings)
    _tell_secret(_act(config, lambda admin: admin.change(client_id, given, _policy_with(config))))
    click.echo(f"{client_id} is changed.", err=True)


@client.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, as_json: bool) -> None:
    """List the registered clients, one a line. `bastion policy` shows declared ones."""
    found = _act(config, lambda admin: admin.list())
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    for one in found:
        settings = json.loads(one.settings)
        click.echo(f"{one.id:<20} {one.state:<9} {settings['type']:<8} since {utc(one.created_at)}  {settings['name']}")


@client.command()
@click.argument("client_id", metavar="ID")
@with_config
def show(config: Config, *, client_id: str) -> None:
    """Show a client with its settings, as JSON. Its secret is stored nowhere."""
    found = _act(config, lambda admin: admin.show(client_id))
    click.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))


@client.command("rotate-secret")
@click.argument("client_id", metavar="ID")
@with_config
def rotate_secret(config: Config, *, client_id: str) -> None:
    """Make another secret and print it. Workers refuse the one before within 2 seconds; tokens go on."""
    _tell_secret(_act(config, lambda admin: admin.rotate_secret(client_id)))


@client.command()
@click.argument("client_id", metavar="ID")
@with_config
def disable(config: Config, *, client_id: str) -> None:
    """Let a client get no tokens any more, and end all that it has before the command ends.

    It may be repeated.
    """
    disabled = _act(config, lambda admin: admin.disable(client_id))
    click.echo(f"{client_id} is disabled." if disabled else f"{client_id} was disabled already.")


@client.command()
@click.argument("client_id", metavar="ID")
@with_config
def enable(config: Config, *, client_id: str) -> None:
    """Let a client ask for tokens again. What ended stays ended."""
    enabled = _act(config, lambda admin: admin.enable(client_id))
    click.echo(f"{client_id} is enabled." if enabled else f"{client_id} was enabled already.")


def _act(config: Config, work: Callable[[ClientAdmin], Awaitable[T]]) -> T:
    return acting(config, lambda resources: work(ClientAdmin(resources.acts, config.keys(), operator(), random_bytes)))


def _policy_with(config: Config) -> PolicyWith:
    return lambda registered: policy_of(config, registered)


def _settings(file: Path | None, settings: tuple[str, ...]) -> Settings:
    """Raises click.UsageError."""
    if (file is None) == (not settings):
        raise click.UsageError("expected the settings by --file, or by --set for each")
    if file is not None:
        return Settings(file.read_text(), str(file))
    pairs = [one.partition("=") for one in settings]
    for key, equals, _value in pairs:
        if not equals:
            raise click.UsageError(f"--set {key!r} has no value; expected KEY=VALUE")
    return Settings("".join(f"{key}: {value}\n" for key, _equals, value in pairs), "--set")


def _tell_secret(secret: str) -> None:
    """Alone on standard output, so that it can be piped."""
    if secret:
        click.echo(secret)


def _as_json(one: ClientRow) -> dict[str, object]:
    return {
        "id": one.id,
        "state": one.state,
        "version": one.version,
        "settings": json.loads(one.settings),
        "secret": one.secret_hash is not None,
        "created_at": one.created_at,
        "changed_at": one.changed_at,
    }
