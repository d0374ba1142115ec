"""Puts together what judges the servers that a worker relies on, before it serves and for /readyz."""

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import structlog

from gateway.app.concern import Checks, Concern
from gateway.flows.operate.outages import Outages
from gateway.flows.operate.readiness import Readiness
from gateway.flows.operate.safeguards import Safeguards
from gateway.resources import Resources, key_marks
from gateway.stores.postgres.replication import has_several_hosts
from gateway.web.operations import ReadinessCheck
from gateway.worker import Start

_JUDGE_S: Final = 5.0
_LOG: Final = structlog.stdlib.get_logger("gateway.app")


def servers(*, start: Start, resources: Resources) -> Concern:
    config = start.config
    readiness = Readiness(resources.pool, resources.functions, key_marks(config))
    safeguards = Safeguards(
        pool=resources.pool,
        functions=resources.functions,
        user=urlsplit(config.redis.url).username or "",
        in_cluster=config.redis.cluster,
        enforced=config.profile == "production",
        asks_standbys=has_several_hosts(config.database.url) and not config.database.accept_loss,
        asks_role=not config.database.owner_serves,
        tell=_teller(start.number, _LOG.warning, "a server is not as it should be"),
        note=_teller(start.number, _LOG.info, "a server's setting could not be looked at"),
    )

    async def judge_who_was_away() -> None:
        """Ends the worker where the server that comes back is not one to rely on."""
        while not safeguards.judged:
            await asyncio.sleep(_JUDGE_S)
            await safeguards.judge()

    async def checks() -> Checks:
        found = await readiness.look()
        return {name: ReadinessCheck(state.serves, state.detail) for name, state in found.items()}

    outages = Outages({"postgres": readiness.try_postgres, "redis": readiness.try_redis})
    return Concern(
        before=(readiness.agree_on_keys, safeguards.judge),
        beside=(judge_who_was_away, *(() if start.number else (outages.run,))),
        checks=checks,
    )


def _teller(number: int, log: Callable[..., None], event: str) -> Callable[[str], None]:
    """One worker speaks for all."""
    if number:
        return lambda _finding: None
    return lambda finding: log(event, finding=finding)
