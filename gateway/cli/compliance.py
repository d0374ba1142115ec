"""`bastion compliance`: what Bastion observed of its controls, for auditors."""

import json
from dataclasses import replace
from typing import Final

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._times import later, moment, utc
from gateway.cli.licence import told
from gateway.config import Config
from gateway.core.compliance.page import DISCLAIMER, STATES, Report, as_html, as_json, share, why
from gateway.core.units import DAY_S
from gateway.flows.compliance.report import POPULATIONS, Compliance
from gateway.resources import Resources, clock
from gateway.stores.postgres.populations import PopulationEntry

_QUARTER_S: Final = 90 * DAY_S
_FROM: Final = click.option("--from", "begin", default="", metavar="TIME", help="Default: 90 days ago.")
_TO: Final = click.option("--to", "end", default="", metavar="TIME", help="Default: now.")


@click.group()
def compliance() -> None:
    """Show for a period how long each control passed, failed, or was not observed.

    The leader looks at the controls every `compliance.every`. The results can't be changed, and the audit log has a
    digest of each run. The report is no audit opinion.
    """


@compliance.command()
@_FROM
@_TO
@click.option("--format", "form", type=click.Choice(("table", "json", "html")), default="table", show_default=True)
@with_config
def report(config: Config, *, begin: str, end: str, form: str) -> None:
    """Report on a period.

    \b
    bastion compliance report --from 90d
    bastion compliance report --from 2026-01-01 --to 2026-07-01 --format html > report.html

    Exit status 1: the results of a run are not those that the audit log tells of.
    """  # noqa: D301 - click wants the backspace
    begins_at, ends_at = _period(begin, end)
    found = acting(config, lambda resources: _report(config, resources, begins_at, ends_at))
    if form == "json":
        click.echo(json.dumps(as_json(found), indent=2, ensure_ascii=False))
    elif form == "html":
        click.echo(as_html(found), nl=False)
    else:
        _show(found)
    if found.changed_runs:
        raise SystemExit(1)


@compliance.command("except")
@click.argument("control")
@click.option("--until", required=True, metavar="TIME", help="When it ends, such as 30d or 2026-12-31.")
@click.option("--reason", required=True, metavar="TEXT", help="Why the control may fail until then.")
@with_config
def except_(config: Config, *, control: str, until: str, reason: str) -> None:
    """Explain why a control may fail until a time. Its results stay as they are; the report shows both."""
    ends_at = later(until, clock(), "--until")
    acting(config, lambda resources: Compliance(resources.acts, operator()).grant(control, ends_at, reason))
    click.echo(f"{control} is excepted until {utc(ends_at)}.")


@compliance.command()
@click.argument("name", type=click.Choice(tuple(POPULATIONS)))
@_FROM
@_TO
@click.option("--json", "json_lines", is_flag=True, help="For scripts, an object a line.")
@with_config
def population(config: Config, *, name: str, begin: str, end: str, json_lines: bool) -> None:
    """List all entries of the audit log that a sample is drawn from, with their positions and ids."""
    begins_at, ends_at = _period(begin, end)

    def tell(one: PopulationEntry) -> None:
        if json_lines:
            click.echo(json.dumps(_entry(one)))
        else:
            position = "-" if one.position is None else one.position
            click.echo(f"{position:<8} {utc(one.at)}  {one.kind:<22} {one.actor or '-'}  {one.subject or '-'}")

    acting(config, lambda resources: Compliance(resources.acts, operator()).population(name, begins_at, ends_at, tell))


async def _report(config: Config, resources: Resources, begins_at: int, ends_at: int) -> Report:
    from gateway.app.licence import licensing_of

    found = await Compliance(resources.acts, operator()).report(begins_at, ends_at)
    return replace(found, licence=told(await licensing_of(config, resources.acts).show()))


def _period(begin: str, end: str) -> tuple[int, int]:
    """Raises click.UsageError."""
    now = clock()
    ends_at = moment(end, now, "--to") if end else now
    begins_at = moment(begin, now, "--from") if begin else ends_at - _QUARTER_S
    if ends_at <= begins_at:
        raise click.UsageError("--to is not after --from")
    return begins_at, ends_at


def _show(found: Report) -> None:
    click.echo(f"From {utc(found.begins_at)} to {utc(found.ends_at)}")
    click.echo(f"{'control':<22}" + "".join(f"{state:>16}" for state in STATES))
    for row in found.rows:
        click.echo(f"{row.control:<22}" + "".join(f"{share(row, state):>16}" for state in STATES))
    for row in found.rows:
        for span in row.faults:
            state = "failed" if span.result is not None and span.result.value == "fail" else "unknown"
            click.echo(f"{row.control} {state} from {utc(span.begins_at)} to {utc(span.ends_at)}: {why(span)}")
    for one in found.exceptions:
        period = f"from {utc(one.begins_at)} to {utc(one.ends_at)}"
        click.echo(f"{one.control} is excepted {period}: {one.reason} ({one.by})")
    click.echo("populations: " + ", ".join(f"{name} {count}" for name, count in found.populations.items()))
    for run in found.changed_runs:
        click.echo(f"CHANGED: the results of run {run} are not those that the audit log tells of")
    click.echo("licence: " + " ".join(found.licence))
    click.echo(DISCLAIMER)


def _entry(one: PopulationEntry) -> dict[str, object]:
    return {
        "position": one.position,
        "id": one.id,
        "at": one.at,
        "kind": one.kind,
        "actor": one.actor,
        "subject": None if one.subject is None else str(one.subject),
    }
