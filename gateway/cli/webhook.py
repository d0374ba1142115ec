"""`bastion webhook`: the endpoints that get events of the audit log."""

import json
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._times import moment, utc
from gateway.config import Config
from gateway.config.values import parse_duration
from gateway.core.policy.networks import NetworkSet
from gateway.core.webhooks.filter import read_filter
from gateway.flows.webhooks.endpoint_admin import WHY_PAUSED, EndpointAdmin, WantedEndpoint, state_words
from gateway.outbound.undelivered import Undelivered
from gateway.resources import clock, random_bytes
from gateway.stores.postgres.endpoints import EndpointLevel, WebhookEndpoint
from gateway.stores.postgres.outbox import Message, MessageState

T = TypeVar("T")
_ID: Final = click.argument("endpoint_id", metavar="ID")
_ALL: Final[tuple[MessageState, ...]] = ("waiting", "done", "dead")


@click.group()
def webhook() -> None:
    """Send events of the audit log to other systems, in the format of Standard Webhooks.

    An endpoint is an address with the kinds of events that it gets. The audit log is the queue: if a receiver is away,
    its endpoint gets all that it missed as soon as it is back.
    """


@webhook.command()
@click.argument("url")
@click.option(
    "--events",
    required=True,
    metavar="LIST",
    help="What it gets: kinds, as of `bastion audit kinds`, and families, such as login_failed,family:people.",
)
@click.option("--ordered", is_flag=True, help="Send one message at a time, in the order of the log.")
@click.option("--personal", is_flag=True, help="Send personal data too, such as names and addresses.")
@with_config
def add(config: Config, *, url: str, events: str, ordered: bool, personal: bool) -> None:
    """Add an endpoint, and print its id and its secret, a line each.

    The secret is shown only now. The receiver needs it to verify signatures. The endpoint gets what happens from now
    on; `bastion webhook replay` sends it what was before.

    \b
    bastion webhook add https://siem.example.org/bastion --events login_failed,family:people
    """  # noqa: D301 - click wants the backspace
    wanted = WantedEndpoint(url, read_filter(events), ordered, personal)
    endpoint_id, secret = _act(config, lambda admin: admin.add(wanted))
    click.echo(f"{endpoint_id}\n{secret}")


@webhook.command("list")
@with_config
def list_(config: Config) -> None:
    """List the endpoints, one a line: id, state, how many entries it is behind, host, events."""
    found = _act(config, lambda admin: admin.all())
    for endpoint, level in found:
        host = urlsplit(endpoint.target.url).netloc
        click.echo(f"{endpoint.id}  {state_words(endpoint):<8} {level.behind:>7}  {host}  {','.join(endpoint.filter)}")
    if not found:
        click.echo("There are no endpoints.")


@webhook.command()
@_ID
@with_config
def show(config: Config, *, endpoint_id: str) -> None:
    """Show an endpoint, as JSON. Its secret is not shown again; `rotate` makes another."""
    endpoint, level = _act(config, lambda admin: admin.show(endpoint_id))
    click.echo(json.dumps(_as_json(endpoint, level), indent=2, ensure_ascii=False))


@webhook.command()
@_ID
@with_config
def pause(config: Config, *, endpoint_id: str) -> None:
    """Send an endpoint nothing until it is resumed. The log keeps what it misses."""
    paused = _act(config, lambda admin: admin.pause(endpoint_id))
    click.echo(f"{endpoint_id} is paused." if paused else f"{endpoint_id} was paused already.")


@webhook.command()
@_ID
@with_config
def resume(config: Config, *, endpoint_id: str) -> None:
    """Go on with an endpoint that is paused, or try one that fails at once."""
    resumed = _act(config, lambda admin: admin.resume(endpoint_id))
    click.echo(f"{endpoint_id} goes on." if resumed else f"{endpoint_id} is active and does not fail.")


@webhook.command()
@_ID
@click.option("--overlap", default="24h", show_default=True, help="For so long the secret before signs, too.")
@with_config
def rotate(config: Config, *, endpoint_id: str, overlap: str) -> None:
    """Give an endpoint another secret, and print it. It is shown only now."""
    try:
        overlap_s = parse_duration(overlap)
    except ValueError:
        raise click.UsageError(f"--overlap {overlap!r}: write a duration such as 24h") from None
    click.echo(_act(config, lambda admin: admin.rotate(endpoint_id, overlap_s)))


@webhook.command()
@_ID
@with_config
def test(config: Config, *, endpoint_id: str) -> None:
    """Send a message of the type `test` from here, and say how it went. Exit status 1: it was not taken."""
    from gateway.app.webhooks import post_of

    try:
        _act(config, lambda admin: admin.test(endpoint_id, post_of(config)))
    except Undelivered as error:
        raise click.ClickException(f"{endpoint_id} did not take it: {error}") from error
    click.echo(f"{endpoint_id} took it.")


@webhook.command()
@_ID
@click.option("--dead", is_flag=True, help="Only dead letters; `bastion outbox retry` sends one again.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many of the newest.")
@with_config
def deliveries(config: Config, *, endpoint_id: str, dead: bool, limit: int) -> None:
    """Show messages for an endpoint, the newest first: those that wait, have arrived, or are not tried any more."""
    states: tuple[MessageState, ...] = ("dead",) if dead else _ALL
    for message in _act(config, lambda admin: admin.deliveries(endpoint_id, states, limit)):
        click.echo(_line(message))


@webhook.command()
@_ID
@click.option(
    "--from", "begin", required=True, metavar="POSITION|TIME", help="A position of the log, `2h`, or a time in UTC."
)
@with_config
def replay(config: Config, *, endpoint_id: str, begin: str) -> None:
    """Send an endpoint all that the log has from a position or time on, once more or for the first time.

    Messages have the ids that they had before, so a receiver knows those that it has. What waits is sent in its place
    from there, so a later position than the next one leaves out what is between.
    """
    if begin.isdecimal():
        first = _act(config, lambda admin: admin.replay_from_position(endpoint_id, int(begin)))
    else:
        time = moment(begin, clock(), "--from")
        first = _act(config, lambda admin: admin.replay_from_time(endpoint_id, time))
    click.echo(f"{endpoint_id} begins again at position {first}.")


@webhook.command()
@_ID
@with_config
def remove(config: Config, *, endpoint_id: str) -> None:
    """Forget an endpoint, and what waits for it."""
    _act(config, lambda admin: admin.remove(endpoint_id))
    click.echo(f"{endpoint_id} is removed.")


def _act(config: Config, work: Callable[[EndpointAdmin], Awaitable[T]]) -> T:
    section = config.webhooks
    return acting(
        config,
        lambda resources: work(
            EndpointAdmin(
                resources.acts, operator(), random_bytes, NetworkSet.of(section.allow_networks), section.endpoints
            )
        ),
    )


def _as_json(endpoint: WebhookEndpoint, level: EndpointLevel) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "url": endpoint.target.url,
        "events": endpoint.filter,
        "ordered": endpoint.ordered,
        "personal": endpoint.personal,
        "state": state_words(endpoint),
        "why": WHY_PAUSED.get(endpoint.why, endpoint.why),
        "position": endpoint.cursor,
        "behind": level.behind,
        "failures": endpoint.failures,
        "failing_s": int(endpoint.failing_s),
        "next_attempt_in_s": max(0, int(endpoint.held_s)),
    }


def _line(message: Message) -> str:
    made = utc(int(message.made_at.timestamp()))
    when = f", next try {utc(int(message.due_at.timestamp()))}" if message.state == "waiting" else ""
    why = f"   {message.status}" if message.status else ""
    return f"#{message.position}   {message.id}   {made}   {message.state}   {message.tries} tries{when}{why}"
