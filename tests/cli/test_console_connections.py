"""The console has a few connections of its own: whoever uses it up takes none from logins (ui.md U12)."""

import asyncio

import pytest

from gateway.config import load_config
from gateway.resources import open_resources
from tests.cli.conftest import Bastion


async def test_who_uses_the_console_up_takes_no_connection_of_logins(bastion: Bastion) -> None:
    config = load_config(bastion.directory / "config.yaml", environ={}).config

    async with open_resources(config) as resources, resources.console.begin(), resources.console.begin():
        with pytest.raises(TimeoutError):
            await resources.console.pool.acquire(timeout=0.1)
        async with asyncio.timeout(1), resources.acts.begin() as act:
            assert await act.users.list() == []


async def test_a_statement_of_the_console_ends_after_a_while(bastion: Bastion) -> None:
    config = load_config(bastion.directory / "config.yaml", environ={}).config

    async with open_resources(config) as resources:
        assert await resources.console.pool.fetchval("SHOW statement_timeout") == "3s"
        assert await resources.pool.fetchval("SHOW statement_timeout") == "0"
