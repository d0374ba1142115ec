"""`bastion settings`: rate limits that hold on all workers at once, without a change of the configuration file."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._following import told_following
from gateway.cli._options import with_config
from gateway.cli._times import later, utc
from gateway.config import Config
from gateway.core.admin.live_limits import BadSetting, LimitValue, typed
from gateway.flows.admin.live_settings import Following, LimitShown, SettingsAdmin, WantedLimit
from gateway.flows.evidence.audit_entries import entries_before
from gateway.resources import clock

T = TypeVar("T")
_REASON: Final = click.option(
    "--reason", default="by command", show_default=True, metavar="TEXT", help="The reason, for the audit log."
)
_HISTORY: Final = 50


@click.group()
def settings() -> None:
    """Change rate limits while Bastion runs.

    A value that is set here counts before the configuration file's, on all workers of all nodes, until it is reset.
    """


@settings.command("list")
@with_config
def list_(config: Config) -> None:
    """List the limits, what is in force, and what the file says where that is something else."""
    for one in _act(config, lambda admin: admin.list()):
        click.echo(_line(one))


@settings.command()
@click.argument("limit")
@with_config
def get(config: Config, *, limit: str) -> None:
    """Show one limit, such as AUTH.LOGIN."""
    click.echo(_line(_found(_act(config, lambda admin: admin.find(limit)), limit)))


@settings.command("set")
@click.argument("limit")
@click.argument("rate")
@click.option("--burst", default="", help="How many may come at once. Default: all of a period.")
@click.option("--until", default="", metavar="WHEN", help="When the file's value is back: 4h, or a time.")
@_REASON
@with_config
def set_(config: Config, *, limit: str, rate: str, burst: str, until: str, reason: str) -> None:
    """Change a limit, and wait until all workers follow.

    \b
    bastion settings set AUTH.LOGIN 20/min --burst 10 --until 4h --reason "training in room 3"
    """  # noqa: D301 - click wants the backspace
    ends = later(until, clock(), "--until") if until else None
    _change(config, limit, typed(rate, burst), ends, reason)


@settings.command()
@click.argument("limit")
@_REASON
@with_config
def reset(config: Config, *, limit: str, reason: str) -> None:
    """Go back to what the configuration file says."""
    _change(config, limit, None, None, reason)


@settings.command()
@with_config
def history(config: Config) -> None:
    """List the latest changes, the newest first."""
    kinds = ("setting_changed", "setting_expired")
    found = acting(config, lambda resources: entries_before(resources.pool, resources.acts.vault, kinds, 0, _HISTORY))
    for one in found:
        detail = one.detail
        change = f"{detail['setting']}: {detail['before']} -> {detail.get('after', 'the file, its time is over')}"
        click.echo(f"{utc(one.at)}  {change}  by {one.actor}  {one.personal.get('reason', '')}".rstrip())


def _change(config: Config, limit: str, value: LimitValue | None, until: int | None, reason: str) -> None:
    async def work(admin: SettingsAdmin) -> Following:
        found = _found(await admin.find(limit), limit)
        revision = await admin.change(WantedLimit(limit, value, until, reason, found.revision), operator())
        return await admin.follow(revision)

    told_following(_act(config, work))


def _found(one: LimitShown | None, limit: str) -> LimitShown:
    if one is None:
        raise BadSetting(f"there is no limit {limit[:60]!r}; `bastion settings list` shows all")
    return one


def _line(one: LimitShown) -> str:
    notes = f"  (file: {one.file.text})" if one.is_changed else ""
    notes += f"  until {utc(one.until)}" if one.until else ""
    return f"{one.name:<24} {one.live.text}{notes}"


def _act(config: Config, work: Callable[[SettingsAdmin], Awaitable[T]]) -> T:
    return acting(
        config,
        lambda resources: work(SettingsAdmin(resources.acts, config.live_limits(), config.admin.live_settings)),
    )
