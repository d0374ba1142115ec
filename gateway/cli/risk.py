"""`bastion risk`: why a login scores what it does."""

import json
from datetime import UTC, datetime

import click

from gateway.cli._acting import acting
from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.addresses import Address, plain_address, read_address
from gateway.core.risk.score import MOST_POINTS
from gateway.flows.people.risk import Assessed, Source
from gateway.resources import Resources, clock, make_risk


@click.group()
def risk() -> None:
    """Find out why a login is asked for more, or blocked."""


@risk.command()
@click.argument("name")
@click.option("--ip", "address", required=True, metavar="ADDRESS", help="Where the login comes from.")
@click.option("--user-agent", default="", help="The browser, as it names itself.")
@click.option("--at", "time", default="", metavar="TIME", help="Such as 2026-01-31T08:00, in UTC.  [default: now]")
@click.option(
    "--device",
    type=click.Choice(["known", "new"]),
    help="Whether the person has used it.  [default: known, if they have used such a browser]",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def explain(
    config: Config, *, name: str, address: str, user_agent: str, time: str, device: str | None, as_json: bool
) -> None:
    """Show factor by factor what a right password of NAME would score from there.

    \b
    bastion risk explain ada --ip 198.51.100.4
    bastion risk explain ada --ip 198.51.100.4 --device known --at 2026-01-31T03:00

    NAME is a user name or an e-mail address. The command changes nothing.
    """  # noqa: D301 - click wants the backspace
    source, at = Source(_address(address), user_agent, ""), _moment(time)
    known = None if device is None else device == "known"
    found = acting(config, lambda resources: _explained(config, resources, name, source, at, known))
    click.echo(json.dumps(_as_json(config, found, at), indent=2) if as_json else _as_text(config, found, name, at))


async def _explained(
    config: Config, resources: Resources, name: str, source: Source, at: int, known: bool | None
) -> Assessed:
    scoring = make_risk(config, resources.acts)
    try:
        return await scoring.suppose(name, source, at, device_known=known)
    finally:
        scoring.geoip.close()


def _as_json(config: Config, found: Assessed, at: int) -> dict[str, object]:
    return {
        "score": found.score.points,
        "follows": _follows(config, found.score.points)[0],
        "at": at,
        "address": str(found.source.address),
        "country": found.spot.country,
        "device": "known" if found.device_known else "new",
        "reasons": [
            {"factor": one.factor.value, "points": one.points, "words": one.words} for one in found.score.reasons
        ],
    }


def _as_text(config: Config, found: Assessed, name: str, at: int) -> str:
    country, device = found.spot.country or "country unknown", "known" if found.device_known else "new"
    where = f"{name} from {found.source.address} ({country}) at {utc(at)}, {device} device"
    reasons = [f"{one.points:>5}  {one.factor.value:<18} {one.words}" for one in found.score.reasons]
    points = found.score.points
    return "\n".join(
        [f"{where}: {points} of {MOST_POINTS}", *reasons, f"Without a second factor: {_words(config, points)}"]
    )


def _words(config: Config, points: int) -> str:
    return _follows(config, points)[1]


def _follows(config: Config, points: int) -> tuple[str, str]:
    """One word, and a sentence."""
    rules = config.risk
    if points >= rules.block_at:
        return "blocked", f"blocked, from risk.block_at ({rules.block_at}) on"
    if points < rules.step_up_at:
        return "admitted", f"admitted, below risk.step_up_at ({rules.step_up_at})"
    match rules.without_factor:
        case "admit":
            return "admitted", "admitted, because risk.without_factor is admit"
        case "mail" if config.mail.is_on:
            return "step_up", f"asked for a mailed code, from risk.step_up_at ({rules.step_up_at}) on"
        case "mail":
            return "refused", "refused until an operator helps, because mail is off"
        case "refuse":
            return "refused", "refused until an operator helps, because risk.without_factor is refuse"


def _address(text: str) -> Address:
    """Raises click.UsageError."""
    address = read_address(text)
    if address is None:
        raise click.UsageError(f"--ip {text!r} is no IP address")
    return plain_address(address)


def _moment(text: str) -> int:
    """Unix seconds. Raises click.UsageError."""
    if not text:
        return clock()
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise click.UsageError(f"--at {text!r} is no time; write one such as 2026-01-31T08:00") from None
