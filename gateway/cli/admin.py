"""`bastion admin`: who may open the console, and as what."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._admin_token import token
from gateway.cli._options import with_config
from gateway.cli._times import later, utc
from gateway.config import Config
from gateway.core.admin.acts import AdminRole
from gateway.flows.admin.role_admin import RoleAdmin
from gateway.resources import clock

T = TypeVar("T")
_REASON: Final = click.option(
    "--reason", default="by command", show_default=True, metavar="TEXT", help="The reason, for the audit log."
)


@click.group()
def admin() -> None:
    """Give and take roles in the console at /admin.

    owner: everything. admin: people and limits. support: ends sessions and unlocks. auditor: reads. NAME is a user name
    or an e-mail address. The last owner can't be taken away.
    """


admin.add_command(token)


@admin.command()
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in AdminRole]))
@click.option("--until", default="", metavar="WHEN", help="When it ends: 30d, or a time. Default: never.")
@_REASON
@with_config
def grant(config: Config, *, name: str, role: str, until: str, reason: str) -> None:
    """Give a person a role; it replaces the one that they have.

    \b
    bastion admin grant ada owner
    bastion admin grant grace auditor --until 30d --reason "yearly audit"
    """  # noqa: D301 - click wants the backspace
    ends = later(until, clock(), "--until") if until else None
    has_factor = _act(config, lambda roles: roles.grant(name, AdminRole(role), ends, reason))
    click.echo(f"{name} is {role} now" + (f", until {utc(ends)}." if ends else "."))
    if not has_factor:
        where = f"{config.public_url}/account/security"
        click.echo(f"The console asks for a second factor, and {name} has none yet: they set one up at {where}.")


@admin.command()
@click.argument("name")
@_REASON
@with_config
def revoke(config: Config, *, name: str, reason: str) -> None:
    """Take a person's role. Their console ends at once."""
    had = _act(config, lambda roles: roles.revoke(name, reason))
    click.echo(f"{name} has no role now." if had else f"{name} had none before.")


@admin.command("list")
@with_config
def list_(config: Config) -> None:
    """List everybody with a role, the oldest first."""
    for one in _act(config, lambda roles: roles.list()):
        notes = [f"until {utc(one.until)}"] if one.until else []
        notes += [] if one.has_factor else ["no second factor yet"]
        notes += [] if one.is_active else ["disabled"]
        click.echo(f"{one.username:<24} {one.role.value:<8} {', '.join(notes)}".rstrip())


def _act(config: Config, work: Callable[[RoleAdmin], Awaitable[T]]) -> T:
    return acting(config, lambda resources: work(RoleAdmin(resources.acts, operator())))
