"""What commands do to people, and to what their apps may do, with connections of their own."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.config import Config
from gateway.core.password.breached import BreachVerdict
from gateway.flows.oauth.grants import GrantAdmin
from gateway.flows.people.importing import Importing
from gateway.flows.people.users import UserAdmin
from gateway.resources import Resources, breaches_of, notices_of, random_bytes

T = TypeVar("T")


def act(config: Config, work: Callable[[UserAdmin], Awaitable[T]]) -> T:
    """One command's work."""
    return acting(config, lambda resources: work(admin_of(config, resources)))


def act_on_imports(config: Config, work: Callable[[Importing], Awaitable[T]]) -> T:
    """As act."""
    return acting(config, lambda resources: work(Importing(admin_of(config, resources))))


def act_on_grants(config: Config, work: Callable[[GrantAdmin], Awaitable[T]]) -> T:
    """As act."""
    return acting(config, lambda resources: work(GrantAdmin(resources.acts, config.keys(), operator())))


def admin_of(config: Config, resources: Resources) -> UserAdmin:
    return UserAdmin(
        acts=resources.acts,
        passwords=resources.passwords,
        keys=config.keys(),
        random=random_bytes,
        actor=operator(),
        rules=config.password_rules(),
        breaches=breaches_of(config, partial(_tell, config)),
        notices=notices_of(config),
    )


def _tell(config: Config, verdict: BreachVerdict) -> None:
    """What is no error, and is not meant to be overlooked."""
    if verdict == "found" and config.breach.at_change == "warn":
        click.echo("warning: the password is in lists of breached passwords", err=True)
    elif verdict == "not_checked":
        click.echo("warning: the password could not be looked up among the breached ones", err=True)
