"""`bastion user mfa` and `bastion user code`: second factors of people."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._ids import TAKES_ID
from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.units import DAY_S, DURATION_UNITS
from gateway.flows.people.factor_admin import FactorAdmin
from gateway.resources import Resources, notices_of, random_bytes

T = TypeVar("T")

_ANNOUNCED: Final = "{} has no second factor 24 hours after the mail server took the notice, unless they stop it."
_REASON: Final = click.option("--reason", default="", metavar="TEXT", help="The reason, for the audit log.")


@click.command(context_settings=TAKES_ID)
@click.argument("name")
@click.argument("action", type=click.Choice(["list", "remove", "reset"]), default="list")
@click.argument("factor_id", metavar="[ID]", required=False)
@click.option("--now", "at_once", is_flag=True, help="Reset at once, without a notice that could stop it.")
@_REASON
@with_config
def mfa(config: Config, *, name: str, action: str, factor_id: str | None, at_once: bool, reason: str) -> None:
    """Show the second factors of a person, or take them away.

    \b
    bastion user mfa ada
    bastion user mfa ada remove totp --reason "phone lost, identified by telephone"
    bastion user mfa ada reset --reason "phone lost, called from an unknown number"
    bastion user mfa ada reset --now --reason "phone lost, identified by their manager"

    A reset removes all factors 24 hours after the mail server took a notice to the person. The link in it stops the
    reset. Both end all logins of the person. Without a factor, their password alone lets them in.
    """  # noqa: D301 - click wants the backspace
    if (factor_id is not None) != (action == "remove"):
        raise click.UsageError("remove needs an ID, and nothing else takes one; `bastion user mfa NAME` shows them")
    if at_once and action != "reset":
        raise click.UsageError("--now is of reset")
    if factor_id is not None:
        removed = _act(config, lambda admin: admin.remove(name, factor_id, reason))
        click.echo(f"{name} no longer has {factor_id}." if removed else f"{name} had no factor {factor_id}.")
    elif action == "list":
        _show(config, name)
    elif at_once:
        removed = _act(config, lambda admin: admin.reset(name, reason))
        click.echo(f"{name} has no second factor now." if removed else f"{name} had no second factor before.")
    else:
        announced = _act(config, lambda admin: admin.announce(name, reason))
        click.echo(_ANNOUNCED.format(name) if announced else f"{name} has no second factor, or a reset waits already.")


@click.command()
@click.argument("name")
@click.option("--for", "lasts", default="1h", show_default=True, help="How long the code counts, at most 1d.")
@_REASON
@with_config
def code(config: Config, *, name: str, lasts: str, reason: str) -> None:
    """Print a one-time code that stands in for the second factor of a person, or for a mailed code.

    \b
    bastion user code ada --for 30m --reason "phone at home, identified by telephone"
    """  # noqa: D301 - click wants the backspace
    made = _act(config, lambda admin: admin.make_code(name, _seconds(lasts), reason))
    click.echo(made)


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    lasts_s = (
        int(number) * DURATION_UNITS[unit] if number.isascii() and number.isdigit() and unit in DURATION_UNITS else 0
    )
    if not 0 < lasts_s <= DAY_S:
        raise click.BadParameter(f"{text}: expected a duration from 1s to 1d, such as 30m", param_hint="--for")
    return lasts_s


def _show(config: Config, name: str) -> None:
    found = _act(config, lambda admin: admin.show(name))
    if not found.factors:
        click.echo(f"{name} has no second factor.")
        return
    for one in found.factors:
        used = "never used" if one.last_used_at is None else f"last used {utc(one.last_used_at)}"
        suspended = ", suspended" if one.suspended else ""
        called = f"  {one.name!r}" if one.name else ""
        click.echo(f"{one.id}{called}  added {utc(one.added_at)}, {used}{suspended}")
    click.echo(f"recovery codes left: {found.recovery_codes}")
    if found.operator_codes:
        click.echo("a code of an operator waits")
    if found.reset_due_at is not None:
        click.echo(f"a reset removes them at {utc(found.reset_due_at)}")
    elif found.reset_asked_at is not None:
        click.echo("a reset waits until the mail server takes the notice")


def _act(config: Config, work: Callable[[FactorAdmin], Awaitable[T]]) -> T:
    """One command's work."""

    def on(resources: Resources) -> Awaitable[T]:
        return work(FactorAdmin(resources.acts, config.keys(), random_bytes, notices_of(config), operator()))

    return acting(config, on)
