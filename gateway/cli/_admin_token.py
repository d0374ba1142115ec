"""`bastion admin token`: tokens by which scripts use the console's API."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._ids import TAKES_ID, id_of
from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.admin.acts import AdminRole
from gateway.core.base64url import b64
from gateway.flows.admin.tokens import DEFAULT_DAYS, MOST_DAYS, AdminTokenAdmin, ListedAdminToken, WantedAdminToken
from gateway.resources import random_bytes

T = TypeVar("T")
_ROLES: Final = [role.value for role in AdminRole if role is not AdminRole.OWNER]
_REASON: Final = click.option(
    "--reason", default="by command", show_default=True, metavar="TEXT", help="The reason, for the audit log."
)


@click.group()
def token() -> None:
    """Make, show and revoke tokens by which scripts use the console's API.

    A token answers to a person, and is worth nothing while that person is not active or may do less than the token.
    """


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), required=True, help="What it may do.")
@click.option("--network", "networks", multiple=True, required=True, help="Only from there: a CIDR. Repeat for more.")
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=DEFAULT_DAYS, show_default=True, help="How long it lives."
)
@_REASON
@with_config
def create(config: Config, *, name: str, role: str, networks: tuple[str, ...], days: int, reason: str) -> None:
    """Make a token for which the person NAME answers, and print it, once.

    \b
    bastion admin token create grace --role auditor --network 10.20.0.0/24 --days 90
    """  # noqa: D301 - click wants the backspace
    wanted = WantedAdminToken(AdminRole(role), networks, days)
    click.echo(_act(config, lambda tokens: tokens.create(name, wanted, reason)))


@token.command("list")
@with_config
def list_(config: Config) -> None:
    """List the tokens that are not over, with their ids. The tokens themselves are stored nowhere."""
    for one in _act(config, lambda tokens: tokens.list()):
        click.echo(_line(one))


@token.command(context_settings=TAKES_ID)
@click.argument("token_id", metavar="ID")
@_REASON
@with_config
def revoke(config: Config, *, token_id: str, reason: str) -> None:
    """End a token, as `bastion admin token list` shows it. The next call with it is refused."""
    raw = id_of(token_id, "admin token list")
    revoked = _act(config, lambda tokens: tokens.revoke(raw, reason))
    click.echo(f"{token_id} is revoked." if revoked else f"{token_id} was revoked before.")


def _line(one: ListedAdminToken) -> str:
    row = one.token
    used = "never used" if row.last_used_at is None else f"last used {utc(row.last_used_at)}"
    rests = "" if one.is_worth else ", worth nothing: its person may do less"
    where = " ".join(str(network) for network in row.terms.networks.networks)
    role = row.terms.role.value
    return f"{b64(row.id)}  {one.username:<20} {role:<8} until {utc(row.terms.expires_at)}, {used}{rests}  {where}"


def _act(config: Config, work: Callable[[AdminTokenAdmin], Awaitable[T]]) -> T:
    return acting(
        config, lambda resources: work(AdminTokenAdmin(resources.acts, config.keys(), random_bytes, operator()))
    )
