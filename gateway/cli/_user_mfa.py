"""`bastion user mfa` and `bastion user code`: second factors of people."""

from typing import Final

import click

from gateway.cli._options import with_config
from gateway.cli._people import act_on_factors
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.units import DAY_S, DURATION_UNITS

_REASON: Final = click.option("--reason", default="", metavar="TEXT", help="The reason, for the audit log.")


@click.command()
@click.argument("name")
@click.argument("action", type=click.Choice(["list", "reset"]), default="list")
@click.option("--now", "at_once", is_flag=True, help="Reset at once; a reset that waits is not built yet.")
@_REASON
@with_config
def mfa(config: Config, *, name: str, action: str, at_once: bool, reason: str) -> None:
    """Show the second factors of a person, or take them all away.

    \b
    bastion user mfa ada
    bastion user mfa ada reset --now --reason "phone lost, identified by their manager"

    A reset ends all logins of the person. From then on their password alone lets them in.
    """  # noqa: D301 - click wants the backspace
    if action == "list":
        _show(config, name)
        return
    if not at_once:
        raise click.UsageError("a reset needs --now and --reason: one that waits for 24 hours is not built yet")
    removed = act_on_factors(config, lambda admin: admin.reset(name, reason))
    click.echo(f"{name} has no second factor now." if removed else f"{name} had no second factor before.")


@click.command()
@click.argument("name")
@click.option("--for", "lasts", default="1h", show_default=True, help="How long the code counts, at most 1d.")
@_REASON
@with_config
def code(config: Config, *, name: str, lasts: str, reason: str) -> None:
    """Print a one-time code that stands in for the second factor of a person.

    \b
    bastion user code ada --for 30m --reason "phone at home, identified by telephone"
    """  # noqa: D301 - click wants the backspace
    made = act_on_factors(config, lambda admin: admin.make_code(name, _seconds(lasts), reason))
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
    found = act_on_factors(config, lambda admin: admin.show(name))
    if found.added_at is None and not found.passkeys:
        click.echo(f"{name} has no second factor.")
        return
    if found.added_at is not None:
        used = "never used" if found.last_used_at is None else f"last used {utc(found.last_used_at)}"
        click.echo(f"totp  added {utc(found.added_at)}, {used}")
    if found.passkeys:
        click.echo(f"passkeys: {found.passkeys}")
    click.echo(f"recovery codes left: {found.recovery_codes}")
    if found.operator_codes:
        click.echo("a code of an operator waits")
