"""What commands need to act: stores of their own, the keys of the fleet, and the name of who acts."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.cli.migrate import require_schema
from gateway.config import Config
from gateway.flows.transaction import transaction
from gateway.resources import Resources, key_marks, open_resources
from gateway.stores.postgres import key_checks
from gateway.stores.postgres.master_keys import MasterRows

T = TypeVar("T")


def acting(config: Config, work: Callable[[Resources], Awaitable[T]]) -> T:
    """One command's work."""
    return asyncio.run(_with_resources(config, work))


def operator() -> str:
    """By number, not by the environment, which says what its owner likes."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"


async def _with_resources(config: Config, work: Callable[[Resources], Awaitable[T]]) -> T:
    try:
        async with open_resources(config) as resources:
            await require_schema(resources.pool)
            await _check_keys(config, resources)
            return await work(resources)
    except ExceptionGroup as group:
        # The resources' task group has wrapped what is ours to explain.
        raise group.exceptions[0] from None


async def _check_keys(config: Config, resources: Resources) -> None:
    """Nothing is done with other keys than those of the fleet. Raises WrongKey, and then leaves no mark."""
    async with transaction(resources.pool) as connection:
        await key_checks.agree(connection, key_marks(config))
        state = await MasterRows(connection).state()
    if state is not None:
        resources.acts.vault.follow(state.active)
