"""What a worker is put together from: each concern brings its routes, its work beside requests, and its checks."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from aiohttp.typedefs import Middleware
from aiohttp.web_routedef import AbstractRouteDef

from gateway.core.errors import GatewayError
from gateway.flows.operate.delivery import Delivery
from gateway.flows.operate.leader import Job
from gateway.web.operations import ReadinessCheck
from gateway.web.protocol import ProtocolRoute

Endless: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Work: TypeAlias = Callable[[], Awaitable[None]]
Checks: TypeAlias = Mapping[str, ReadinessCheck]
_LOG = structlog.stdlib.get_logger("gateway.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """routes: pages of the auth host. console: those of /admin, which may have a socket of their own. endpoints: what
    programs talk to there. middlewares: outermost ones, where console's are. jobs: timed work, done by the
    leader of the fleet. before: done before the worker serves. beside: goes on beside the requests until the worker
    ends. deliveries: of the outbox, beside the requests too.
    checks: of /readyz. at_end: when the worker ends; lost where Postgres doesn't take it.
    """

    routes: tuple[AbstractRouteDef, ...] = ()
    console: tuple[AbstractRouteDef, ...] = ()
    endpoints: tuple[ProtocolRoute, ...] = ()
    middlewares: tuple[Middleware, ...] = ()
    jobs: tuple[Job, ...] = ()
    before: tuple[Work, ...] = ()
    beside: tuple[Endless, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checks: Callable[[], Awaitable[Checks]] | None = None
    at_end: tuple[Work, ...] = ()


async def once(work: Work) -> None:
    """What Postgres can't take now, the next start brings."""
    with suppress(GatewayError):
        await work()


async def every(seconds: float, work: Work) -> None:
    """Until it is cancelled. What Postgres can't take now it gets the next time; the log hears so once until then."""
    put_off = False
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except GatewayError as error:
            if not put_off:
                _LOG.warning("work is put off", why=str(error))
            put_off = True
        else:
            put_off = False
