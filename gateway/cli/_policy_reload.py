"""Asks all workers to read policy again, and waits for them."""

import asyncio

import click

from gateway.cli._waiting import until_done
from gateway.cli.migrate import require_schema
from gateway.config import Config
from gateway.flows.policy.policy_fleet import PolicyFleet, Progress
from gateway.stores.postgres.database import make_pool


def reload_all(config: Config, version: str, within_s: int) -> int:
    """within_s 0: don't wait. How many workers enforce it. Raises ClickException with those that don't."""
    return asyncio.run(_reload_all(config, version, within_s))


async def _reload_all(config: Config, version: str, within_s: int) -> int:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        fleet = PolicyFleet(pool)
        wish = await fleet.wish()
        if not within_s:
            return 0
        progress = await until_done(lambda: fleet.progress(version, wish), within_s)
        if not progress.is_done:
            raise click.ClickException(_why(progress, version, within_s))
        return progress.workers


def _why(progress: Progress, version: str, within_s: int) -> str:
    if not progress.workers:
        return f"no worker was heard of within {within_s} s; expected bastion serve on this database"
    lines = "\n  ".join(progress.behind)
    of = f"{len(progress.behind)} of {progress.workers} workers"
    return f"version {version} is not in force everywhere after {within_s} s, {of} are behind:\n  {lines}"
