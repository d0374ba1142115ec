"""`bastion user erase` takes a person away for good; `bastion user export` writes what is stored of them."""

import asyncio
import os
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import duration, with_config
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.errors import StoreOutage
from gateway.core.privacy.erasure import REASONS, ErasureReason, lines_with
from gateway.flows.privacy.erasure import Certificate, Erasure, Unfinished
from gateway.flows.privacy.export import Export
from gateway.flows.privacy.requests import ErasureAdmin
from gateway.resources import Resources
from gateway.stores.files.policies import PolicyUnreadable, read_sources
from gateway.stores.postgres.users import UserRow

_PATIENCE_S: Final = 20.0
_PAUSE_S: Final = 0.5


@click.command()
@click.argument("name", required=False)
@click.option("--reason", type=click.Choice(REASONS), default="other", help="For the audit log.")
@click.option("--after", metavar="TIME", help="The gateway does it by itself then, such as 14d.")
@click.option("--withdraw", is_flag=True, help="Take back what the person has asked for, or --after.")
@click.option("--pending", is_flag=True, help="List who is to be erased, and when. Without NAME.")
@with_config
def erase(
    config: Config, *, name: str | None, reason: ErasureReason, after: str | None, withdraw: bool, pending: bool
) -> None:
    """Erase a person for good, and print a signed certificate.

    \b
    bastion user erase --pending
    bastion user erase ada --reason asked
    bastion user erase ada --after 14d

    Nothing of the person can be read from the running system when the certificate is printed. If a step has to wait,
    the gateway does it later; run the command with the printed id to get the certificate then.
    """  # noqa: D301 - click wants the backspace
    if pending == (name is not None) or (withdraw and after is not None):
        raise click.UsageError("give a NAME, with --after or --withdraw or neither; or --pending alone")
    if name is None:
        for line in _pending(config):
            click.echo(line)
    elif withdraw:
        acting(config, lambda resources: ErasureAdmin(resources.acts, operator()).withdraw(name))
        click.echo(f"{name} is not erased.")
    elif after is not None:
        wait_s = duration("--after", after)
        due_at = acting(
            config, lambda resources: ErasureAdmin(resources.acts, operator()).schedule(name, reason, wait_s)
        )
        click.echo(
            f"{name} is erased after {utc(due_at)}, unless `bastion user erase {name} --withdraw` is run before."
        )
    else:
        _erase(config, name, reason)


@click.command()
@click.argument("name")
@click.option("--to", "file", type=click.Path(path_type=Path), required=True, help="The ZIP file to write.")
@with_config
def export(config: Config, *, name: str, file: Path) -> None:
    """Write all that is stored of a person into a file: as JSON, and as a page to read.

    \b
    bastion user export ada --to ada.zip
    """  # noqa: D301 - click wants the backspace
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    with os.fdopen(opened, "wb") as written:
        limit = config.privacy.exports_per_day
        written.write(acting(config, lambda resources: Export(resources.acts, limit).of(name, operator())))
    click.echo(f"{file} has all that is stored of {name}.")


def _pending(config: Config) -> list[str]:
    found = acting(config, lambda resources: ErasureAdmin(resources.acts, operator()).pending())
    itself = config.privacy.erasure == "direct"
    return [
        f"{one.username:<24} {'after' if itself or not one.request.own else 'wants it after'} {utc(one.request.due_at)}"
        f"  {'asked by the person' if one.request.own else 'decided by an operator'}"
        for one in found
    ]


def _erase(config: Config, name: str, reason: ErasureReason) -> None:
    from gateway.app.privacy import erasure_of

    person = acting(config, lambda resources: _named(resources, name))
    user_id = _id_of(name) if person is None else None
    if user_id is None:
        user_id = acting(config, lambda resources: erasure_of(config, resources).erase(name, reason, operator()))
        click.echo(f"{name} is erased, and logged out everywhere. The id was {user_id}.")
    erased = user_id
    certificate = acting(config, lambda resources: _finished(erasure_of(config, resources), erased))
    click.echo(f"certificate: {certificate.jws}")
    for line in _out_of_reach(config, certificate, person):
        click.echo(line)


def _id_of(name: str) -> UUID | None:
    """Of somebody who was erased: they have no other name."""
    try:
        return UUID(name)
    except ValueError:
        return None


async def _named(resources: Resources, name: str) -> UserRow | None:
    async with resources.acts.begin() as act:
        return await act.users.find_by_name(name)


async def _finished(erasure: Erasure, user_id: UUID) -> Certificate:
    """What can't be done at once is tried for a while. Raises Unfinished."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_S
    while True:
        try:
            return await erasure.finish(user_id)
        except (Unfinished, StoreOutage) as error:
            if loop.time() > until:
                later = f"The gateway goes on by itself; `bastion user erase {user_id}` then prints the certificate"
                raise Unfinished(f"{error}. {later}") from error
        await asyncio.sleep(_PAUSE_S)


def _out_of_reach(config: Config, certificate: Certificate, person: UserRow | None) -> list[str]:
    """person: None where the name is not known any more."""
    reach = certificate.reach
    lines = [f"out of reach: {place} names the person; change it" for place in _policy_lines(config, person)]
    lines += [f"out of reach: the app {client} had tokens of the person" for client in reach.clients]
    lines += [f"out of reach: the app at {host} got identity headers of the person" for host in reach.hosts]
    lines += [f"out of reach: the webhook endpoint {one} may have got personal details" for one in reach.endpoints]
    return [
        *lines,
        _backups(certificate.backups_until),
        "out of reach: file copies of the database, WAL archives, replicas' disks, until that master key is destroyed",
    ]


def _backups(until: int | None) -> str:
    if until is None:
        return "no `bastion backup` was made before"
    return f"out of reach: backups made before, until {utc(until)}: the next `bastion backup` then removes their keys"


def _policy_lines(config: Config, person: UserRow | None) -> list[str]:
    if person is None:
        return []
    try:
        sources = read_sources(config.policy.directory)
    except PolicyUnreadable:
        return [f"the policy in {config.policy.directory} could not be read; look whether it"]
    names = (person.username, person.email)
    return [f"{file}:{number}" for file, text in sources.items() for number in lines_with(names, text)]
