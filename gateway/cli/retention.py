"""`bastion retention`: takes what is too old, shows what was or would be taken, and approves what the brake stopped."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import click

from gateway.app.privacy import erasure_of
from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.privacy.retention import LEGAL_MINIMUM_S, MEANINGS, RETENTION_RULES, RetentionRule
from gateway.core.units import DAY_S
from gateway.flows.privacy.retention import Retention, WouldTake
from gateway.stores.postgres.retention import RetentionRun

T = TypeVar("T")
_NAMED: Final = 20


@click.group()
def retention() -> None:
    """Take what the section `retention` says is too old.

    The leader does so once a day. A hold (`bastion hold add`) keeps what is of a person.
    """


@retention.command()
@click.option("--dry-run", is_flag=True, help="Show what would be taken, and take nothing.")
@click.option("--json", "as_json", is_flag=True, help="For scripts; a dry run names every id.")
@with_config
def run(config: Config, *, dry_run: bool, as_json: bool) -> None:
    """Take now what is too old."""
    if dry_run:
        found = _act(config, lambda retention: retention.dry_run())
        click.echo(json.dumps([_as_json(one) for one in found]) if as_json else "\n".join(map(_would, found)))
        return
    done = _act(config, lambda retention: retention.run())
    if as_json:
        rows = [{"rule": one.rule.value, "taken": one.taken, "stopped": one.stopped} for one in done]
        click.echo(json.dumps(rows))
    for each in done if not as_json else ():
        click.echo(f"{each.rule.value:<16} {_outcome(each)}")
    if any(one.stopped for one in done):
        raise SystemExit(1)


@retention.command()
@with_config
def status(config: Config) -> None:
    """Show each rule, its last run, and what else is kept for a time."""
    last = {one.rule: one for one in _act(config, lambda retention: retention.status())}
    terms = config.retention.terms()
    for rule in RetentionRule:
        kept_s, one = terms.of(rule), last.get(rule)
        kept = "off" if kept_s is None else _days(kept_s)
        least_s = LEGAL_MINIMUM_S.get(rule)
        low = (
            f"  below the {_days(least_s)} that docs/privacy.md names"
            if least_s and (kept_s or least_s) < least_s
            else ""
        )
        ran = "never ran" if one is None else f"{utc(one.at)}  {_outcome(one)}"
        click.echo(f"{rule.value:<16} {kept:<6} {ran}{low}")
    click.echo(f"{'risk.remember':<16} {_days(config.risk.remember_s):<6} devices and habits; set and taken there")
    click.echo(
        f"{'backup.keep_keys':<16} {_days(config.backup.keep_keys):<6} keys of backups; `bastion backup` takes them"
    )


@retention.command()
@click.argument("rule", type=click.Choice(RETENTION_RULES))
@with_config
def approve(config: Config, *, rule: str) -> None:
    """Let the next run of RULE take what the brake has stopped.

    Look at it first: bastion retention run --dry-run
    """
    wanted = _act(config, lambda retention: retention.approve(RetentionRule(rule), operator()))
    click.echo(f"The next run of {rule} may take {wanted}. The leader runs it within 5 minutes.")


def _act(config: Config, work: Callable[[Retention], Awaitable[T]]) -> T:
    terms = config.retention.terms()
    return acting(config, lambda resources: work(Retention(erasure_of(config, resources), terms)))


def _outcome(one: RetentionRun) -> str:
    if one.wanted:
        return f"stopped: {one.stopped}; it waits for `bastion retention approve {one.rule.value}`"
    return f"stopped: {one.stopped}" if one.stopped else f"took {one.taken}"


def _as_json(one: WouldTake) -> dict[str, object]:
    return {
        "rule": one.rule.value,
        "until": one.until,
        "count": one.count,
        "ids": list(one.plan.ids),
        "untold": list(one.plan.untold),
        "stops": one.stops,
    }


def _would(one: WouldTake) -> str:
    if one.until is None:
        return f"{one.rule.value:<16} off  ({MEANINGS[one.rule]})"
    lines = [f"{one.rule.value:<16} would take {one.count}, of before {utc(one.until)}  ({MEANINGS[one.rule]})"]
    if one.stops:
        lines.append(f"{'':<16} but would stop: {one.stops}")
    if one.plan.untold:
        lines.append(f"{'':<16} would tell {len(one.plan.untold)}: {_first(one.plan.untold)}")
    if one.plan.ids and (one.rule.is_of_people or one.rule is RetentionRule.AUDIT_PERSONAL):
        lines.append(f"{'':<16} {_first(one.plan.ids)}")
    return "\n".join(lines)


def _first(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more (--json names all)" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more


def _days(seconds: int) -> str:
    return f"{seconds // DAY_S}d"
