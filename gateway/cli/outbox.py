"""`bastion outbox`: what waits to leave this installation, and what could not."""

import asyncio
from dataclasses import dataclass

import click

from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.cli.migrate import require_schema
from gateway.config import Config
from gateway.core.outbox.kinds import MessageKind
from gateway.flows.transaction import transaction
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.outbox import Message, MessageState, Outbox


@click.group()
def outbox() -> None:
    """Show messages that wait for delivery, and deliver them again.

    Bastion writes a message together with the event that it reports. Every worker delivers messages, and tries again
    with growing pauses. A dead letter is a message that is no longer tried; you can retry it.
    """


@outbox.command("list")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in MessageKind if kind.is_sent]),
    help="Only messages of this kind.",
)
@click.option("--dead", is_flag=True, help="Only dead letters.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many of the newest.")
@with_config
def list_(config: Config, *, kind: str | None, dead: bool, limit: int) -> None:
    """Show messages that have not arrived, the newest first.

    Each line has the message's id, kind, state, destination, number of tries, and the reason of the last failure.
    The command does not show the text of a message.
    """
    states: tuple[MessageState, ...] = ("dead",) if dead else ("waiting", "dead")
    messages = asyncio.run(_messages(config, None if kind is None else MessageKind(kind), states, limit))
    for message in messages:
        click.echo(_line(message))
    if not messages:
        click.echo("There are no dead letters." if dead else "Nothing is waiting, and there are no dead letters.")


@outbox.command()
@click.argument("message_id", metavar="ID", type=click.IntRange(min=1))
@with_config
def retry(config: Config, *, message_id: int) -> None:
    """Deliver a message now: a dead letter, or a message whose next try is later.

    `bastion outbox list` shows the ID. Exit status 1: there is no such message, or it has arrived.
    """
    outcome = asyncio.run(_retry(config, message_id))
    if outcome.due:
        click.echo(f"Message {message_id} is due now; `bastion outbox list` shows whether it arrives.")
    elif outcome.state is None:
        raise click.ClickException(f"there is no message {message_id}; see `bastion outbox list`")
    elif outcome.state == "done":
        raise click.ClickException(f"message {message_id} has arrived already")
    else:
        raise click.ClickException(f"message {message_id} is being sent right now; look again in two minutes")


@dataclass(frozen=True, slots=True)
class _Retried:
    """state: why it is not due, None where there is no such message."""

    due: bool
    state: MessageState | None


async def _messages(
    config: Config, kind: MessageKind | None, states: tuple[MessageState, ...], limit: int
) -> list[Message]:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        async with transaction(pool) as connection:
            return await Outbox(connection).list(kind, states, limit)


async def _retry(config: Config, message_id: int) -> _Retried:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        async with transaction(pool) as connection:
            store = Outbox(connection)
            return _Retried(await store.retry(message_id), await store.state_of(message_id))


def _line(message: Message) -> str:
    made, due = int(message.made_at.timestamp()), int(message.due_at.timestamp())
    when = f"next try {utc(due)}" if message.state == "waiting" else "not tried any more"
    why = f"   {message.status}" if message.status else ""
    return (
        f"{message.id}   {utc(made)}   {message.kind}   {message.state}   {message.destination} #{message.position}"
        f"   {message.tries} tries, {when}{why}"
    )
