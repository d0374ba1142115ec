"""What commands do to people, and to what their apps may do, with connections of their own."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.cli._acting import acting, operator
from gateway.config import Config
from gateway.flows.oauth.grants import GrantAdmin
from gateway.flows.people.users import UserAdmin
from gateway.resources import Resources, random_bytes

T = TypeVar("T")


def act(config: Config, work: Callable[[UserAdmin], Awaitable[T]]) -> T:
    """One command's work."""
    return acting(config, lambda resources: work(_admin(config, resources)))


def act_on_grants(config: Config, work: Callable[[GrantAdmin], Awaitable[T]]) -> T:
    """As act."""
    return acting(config, lambda resources: work(GrantAdmin(resources.acts, config.keys(), operator())))


def _admin(config: Config, resources: Resources) -> UserAdmin:
    return UserAdmin(
        acts=resources.acts,
        passwords=resources.passwords,
        keys=config.keys(),
        random=random_bytes,
        actor=operator(),
        rules=config.password_rules(),
    )
