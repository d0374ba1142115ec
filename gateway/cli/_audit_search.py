"""`bastion audit search`."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID

import click

from gateway.cli._acting import acting, operator
from gateway.cli._audit_entries import line
from gateway.cli._options import with_config
from gateway.cli._times import moment
from gateway.config import Config
from gateway.core.audit.catalogue import CATALOGUE
from gateway.core.audit.entries import Kind
from gateway.core.audit.event import Family
from gateway.flows.evidence.audit_search import MOST_SCANNED, Asked, Found
from gateway.flows.evidence.audit_search import search as search_log
from gateway.flows.transaction import transaction
from gateway.resources import Resources, clock
from gateway.stores.postgres.audit_search import Filters
from gateway.stores.postgres.users import Users

_FAMILIES: Final = {family.name.lower(): family for family in Family}


@click.command()
@click.option("--user", "name", help="About this person: a user name, an e-mail address, or an id.")
@click.option("--actor", help="Done by: `cli:NAME`, `client:ID`, `gateway`, or a person as for --user.")
@click.option("--kind", "kinds", type=click.Choice([kind.value for kind in Kind]), multiple=True, help="Repeatable.")
@click.option("--family", type=click.Choice(list(_FAMILIES)), help="All kinds of a family, see docs/events.md.")
@click.option("--since", metavar="WHEN", help="`2h` or `7d` ago, or a time in UTC such as 2026-01-31T08:00.")
@click.option("--until", metavar="WHEN", help="Before then, written as for --since.")
@click.option("--address", help="From this IP address.")
@click.option("--login", help="Of this login: its id.")
@click.option("--request-id", help="Of this request: its id, as logs and error pages show it.")
@click.option("--host", help="Of this protected host.")
@click.option("--route", help="Of this route, such as wiki/admin.")
@click.option("--contains", metavar="WORD", help=f"Open what is left, {MOST_SCANNED} entries at most, and look for it.")
@click.option("--before", metavar="POSITION", type=click.IntRange(1, 2**63 - 1), help="The next page: older entries.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many of the newest.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: entries, and where the next page begins.")
@with_config
def search(config: Config, /, *, as_json: bool, **options: Any) -> None:
    """Find entries by what they have in common, the newest last. All options that you give have to hold.

    The search is an entry too (`audit_read`), with the options that you gave.
    """
    contains, limit = options.pop("contains"), options.pop("limit")
    filters = _filters(options)

    async def look(resources: Resources) -> Found:
        resolved = await filters(resources)
        return await search_log(resources.acts, Asked(resolved, limit, contains), operator())

    found = acting(config, look)
    if as_json:
        entries = [asdict(one) for one in found.entries]
        more = {"scanned": found.scanned, "whole": found.is_all, "before": found.before or None}
        click.echo(json.dumps({"entries": entries, **more}, indent=2))
        return
    for one in reversed(found.entries):
        click.echo(line(one))
    _say_what_is_left(found, contains)


def _say_what_is_left(found: Found, contains: str | None) -> None:
    """On standard error, so that a pipe gets entries alone."""
    if contains is not None:
        click.echo(f"{found.scanned} entries were opened and scanned.", err=True)
    if found.is_all:
        return
    rest = f"the next page: --before {found.before}" if found.before else "they are not linked yet, try again in 2 s"
    click.echo(f"There are older entries; {rest}", err=True)


def _filters(options: dict[str, Any]) -> Callable[[Resources], Awaitable[Filters]]:
    """What can be wrong with options is said before anything is opened. Raises click.UsageError."""
    now = clock()
    given = {
        "kinds": _kinds(options.pop("kinds"), options.pop("family")),
        "since": None if options["since"] is None else moment(options["since"], now, "--since"),
        "until": None if options["until"] is None else moment(options["until"], now, "--until"),
        "address": None if options["address"] is None else _address(options["address"]),
    }
    name, actor = options.pop("name"), options.pop("actor")

    async def resolved(resources: Resources) -> Filters:
        subject = None if name is None else await _person(resources, name)
        return Filters(subject=subject, actor=await _actor(resources, actor), **{**options, **given})

    return resolved


def _kinds(kinds: tuple[str, ...], family: str | None) -> tuple[Kind, ...] | None:
    if not kinds and family is None:
        return None
    of_family = {event.kind for event in CATALOGUE if family is None or event.about.family is _FAMILIES[family]}
    return tuple(kind for kind in Kind if kind in of_family and (not kinds or kind.value in kinds))


def _address(text: str) -> str:
    """As entries have it."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise click.UsageError(f"--address {text!r}: expected an IP address such as 203.0.113.7") from None


async def _actor(resources: Resources, actor: str | None) -> str | None:
    if actor is None or actor == "gateway" or actor.startswith(("cli:", "client:")):
        return actor
    return str(await _person(resources, actor))


async def _person(resources: Resources, name: str) -> UUID:
    """An id is taken as it is: an erased person has no name any more. Raises UnknownUser."""
    try:
        return UUID(name)
    except ValueError:
        async with transaction(resources.pool) as connection:
            return (await Users(connection, resources.acts.vault).named(name)).id
