"""`bastion emergency`: what is for three in the morning; each measure holds on all workers until it is undone."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._following import told_following
from gateway.cli._options import with_config
from gateway.cli._policy import known_policy_of
from gateway.cli._times import later, moment, utc
from gateway.config import Config
from gateway.core.admin.emergency import Measure, WhoseSessions
from gateway.flows.admin.emergency import AskedBy, EmergencyAdmin, WantedEnd, WantedMeasure
from gateway.flows.admin.live_settings import Following, SettingsAdmin
from gateway.resources import Resources, clock, notices_of

T = TypeVar("T")
_REASON: Final = click.option("--reason", required=True, metavar="TEXT", help="The reason, for the audit log.")
_UNTIL: Final = click.option("--until", default="", metavar="WHEN", help="When it ends: 4h, or a time. Default: never.")
_SWITCH: Final = click.argument("switch", type=click.Choice(["on", "off"]))


@click.group()
def emergency() -> None:
    """Close apps, ask everybody for a second factor, stop sign-ins, end sessions.

    Each measure is in force on all workers within seconds, whatever admin.live_settings says. Owners hear by mail.
    """


@emergency.command()
@with_config
def status(config: Config) -> None:
    """Show what is in force, and how far ends of sessions are."""
    found = _act(config, lambda admin: admin.status())
    for one in found.in_force:
        click.echo(one.text + (f" Until {utc(one.until)}." if one.until else ""))
    if not found.in_force:
        click.echo("nothing is in force")
    for end in found.ends:
        state = "under way" if end.ended_at is None else f"done {utc(end.ended_at)}"
        what = f"{end.choice.chosen} {end.choice.named}".strip()
        click.echo(f"end-sessions {what}, begun {utc(end.begun_at)}: {end.done} of {end.numbers.logins}, {state}")


@emergency.command()
@click.argument("app")
@click.option("--words", default="", metavar="TEXT", help="What visitors read.")
@_REASON
@_UNTIL
@with_config
def close(config: Config, *, app: str, words: str, reason: str, until: str) -> None:
    """Answer every request to an app with 503, to its public pages too.

    It stays closed under another name in the policy, because its hosts are noted.

    \b
    bastion emergency close wiki --reason "incident 7" --words "Back at noon." --until 4h
    """  # noqa: D301 - click wants the backspace
    _begin(config, WantedMeasure(Measure.CLOSE, reason, app, words, _ends(until)))


@emergency.command("open")
@click.argument("app")
@_REASON
@with_config
def open_(config: Config, *, app: str, reason: str) -> None:
    """Open an app that was closed."""
    _undo(config, Measure.CLOSE, app, reason)


@emergency.command("require-mfa")
@_SWITCH
@_REASON
@_UNTIL
@with_config
def require_mfa(config: Config, *, switch: str, reason: str, until: str) -> None:
    """Ask for a second factor on every route that asks who somebody is."""
    _turn(config, Measure.REQUIRE_MFA, switch, reason, until)


@emergency.command("stop-logins")
@_SWITCH
@_REASON
@_UNTIL
@with_config
def stop_logins(config: Config, *, switch: str, reason: str, until: str) -> None:
    """Let nobody sign in but people with a role. Who is signed in stays so."""
    _turn(config, Measure.STOP_LOGINS, switch, reason, until)


@emergency.command("end-sessions")
@click.option("--all", "everybody", is_flag=True, help="Everybody's.")
@click.option("--app", default="", metavar="APP", help="Of those who used this app.")
@click.option("--group", default="", metavar="GROUP", help="Of the people in this group.")
@click.option("--before", default="", metavar="TIME", help="Those that began before: 2h ago, or a time.")
@click.option("--keep-apps-open", is_flag=True, help="All apps are closed until it is done, but with this.")
@_REASON
@with_config
def end_sessions(
    config: Config, *, everybody: bool, app: str, group: str, before: str, keep_apps_open: bool, reason: str
) -> None:
    """End many sessions at once. Offline grants end with them, and keys rest until their people wake them.

    The leader of the fleet does it, the newest first; `bastion emergency status` says how far it is.
    """
    given: dict[WhoseSessions, str] = {"app": app, "group": group, "before": before}
    chosen: list[tuple[WhoseSessions, str]] = [(choice, text) for choice, text in given.items() if text]
    if everybody:
        chosen.append(("all", ""))
    if len(chosen) != 1:
        raise click.UsageError("whose sessions: expected one of --all, --app, --group, --before")
    choice, named = chosen[0]
    at = moment(before, clock(), "--before") if choice == "before" else 0
    wanted = WantedEnd(choice, reason, utc(at) if at else named, at, closes=not keep_apps_open)
    _followed(config, lambda admin: admin.end_sessions(wanted, AskedBy(operator())))


def _turn(config: Config, measure: Measure, switch: str, reason: str, until: str) -> None:
    if switch == "off" and until:
        raise click.UsageError("--until goes with on")
    if switch == "on":
        _begin(config, WantedMeasure(measure, reason, until=_ends(until)))
    else:
        _undo(config, measure, "", reason)


def _begin(config: Config, wanted: WantedMeasure) -> None:
    _followed(config, lambda admin: admin.begin(wanted, AskedBy(operator())))


def _undo(config: Config, measure: Measure, name: str, reason: str) -> None:
    _followed(config, lambda admin: admin.undo(measure, name, reason, AskedBy(operator())))


def _ends(until: str) -> int | None:
    return later(until, clock(), "--until") if until else None


def _followed(config: Config, work: Callable[[EmergencyAdmin], Awaitable[int]]) -> None:
    async def follow(resources: Resources) -> Following:
        revision = await work(_admin(config, resources))
        return await SettingsAdmin(resources.acts, config.live_limits()).follow(revision)

    told_following(acting(config, follow))


def _act(config: Config, work: Callable[[EmergencyAdmin], Awaitable[T]]) -> T:
    return acting(config, lambda resources: work(_admin(config, resources)))


def _admin(config: Config, resources: Resources) -> EmergencyAdmin:
    return EmergencyAdmin(resources.acts, notices_of(config), lambda: known_policy_of(config))
