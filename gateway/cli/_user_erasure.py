"""`bastion user erase`: takes a person away for good."""

import asyncio
from typing import Final
from uuid import UUID

import click

from gateway.app.privacy import erasure_of
from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.config import Config
from gateway.core.errors import StoreOutage
from gateway.core.privacy.erasure import REASONS, ErasureReason, lines_with
from gateway.flows.privacy.erasure import Certificate, Erasure, Unfinished
from gateway.resources import Resources
from gateway.stores.files.policies import PolicyUnreadable, read_sources
from gateway.stores.postgres.users import UserRow

_PATIENCE_S: Final = 20.0
_PAUSE_S: Final = 0.5


@click.command()
@click.argument("name")
@click.option("--reason", type=click.Choice(REASONS), default="other", help="For the audit log.")
@with_config
def erase(config: Config, *, name: str, reason: ErasureReason) -> None:
    """Erase a person for good, and print a signed certificate.

    \b
    bastion user erase ada --reason asked

    Nothing of the person can be read from the running system when the certificate is printed. If a step has to wait,
    the gateway does it later; run the command with the printed id to get the certificate then.
    """  # noqa: D301 - click wants the backspace
    user_id = _id_of(name)
    person: UserRow | None = None
    if user_id is None:
        person = acting(config, lambda resources: _named(resources, name))
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


async def _named(resources: Resources, name: str) -> UserRow:
    async with resources.acts.begin() as act:
        return await act.users.named(name)


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
    return [
        *lines,
        "out of reach: backups made before, until the key files made before have gone (30 days)",
        "out of reach: file copies of the database, WAL archives, replicas' disks, until that master key is destroyed",
    ]


def _policy_lines(config: Config, person: UserRow | None) -> list[str]:
    if person is None:
        return []
    try:
        sources = read_sources(config.policy.directory)
    except PolicyUnreadable:
        return [f"the policy in {config.policy.directory} could not be read; look whether it"]
    names = (person.username, person.email)
    return [f"{file}:{number}" for file, text in sources.items() for number in lines_with(names, text)]
