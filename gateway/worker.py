"""Owns a worker process: one event loop that gives each listening socket its protocol.

The arbiter binds web, decision, ops and perhaps admin sockets before it forks, in this order. What is served on them
is built by app/, which knows nothing of processes.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
import uvloop
from aiohttp import web
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from gateway.config import Config
from gateway.core.errors import GatewayError
from gateway.embedded import end_with_parent
from gateway.metrics import Metrics, Slot
from gateway.scheduling import LongWork, wait_for_free_cores

DRAIN_S: Final = 20.0
SERVING: Final = "bastion_workers"
STARTS: Final = "bastion_worker_starts"
_MAX_LINE: Final = 32_768
_MAX_FIELD: Final = 65_536
_MAX_HEADERS: Final = 512
_KEEP_ALIVE_S: Final = 75.0
_BEAT_S: Final = 1.0
_PAUSE_S: Final = 1.0
_COLLECT_AFTER: Final = 10_000  # objects; 700 is for scripts
_SWITCH_S: Final = 0.0001  # most that the event loop waits for a thread with long work; 5 ms is for throughput
_BACKLOG: Final = 2048  # connections that wait to be taken; a server's own default is 100, and the proxy's next is 502
_LINGER_S: Final = 1.0
_LOOK_S: Final = 0.02
_COMPILED: Final = not str(sys.modules[Metrics.__module__].__file__).endswith(".py")  # setup.py does all or nothing
_LOG: Final = structlog.stdlib.get_logger("gateway.worker")


@dataclass(frozen=True, slots=True)
class Start:
    """What a worker is told when it begins. number: 0.., reused when a worker is replaced; metrics: of all workers.

    long_work: of the worker's process.
    """

    config: Config
    number: int
    metrics: Metrics
    slot: Slot
    long_work: LongWork = field(default_factory=LongWork)


@dataclass(frozen=True, slots=True)
class Served:
    """What app/ built for one worker.

    admin_app: on a socket of its own; None: the web app has its pages.
    decision_protocol: called for each connection of the proxy. drain: answer what is under way, then close those
    connections; it may take the seconds it is given. reload_policy: on SIGUSR1; whole or not at all.
    """

    web_app: web.Application
    ops_app: web.Application
    decision_protocol: Callable[[], asyncio.Protocol]
    drain: Callable[[float], Awaitable[None]]
    reload_policy: Callable[[], Coroutine[Any, Any, None]]
    admin_app: web.Application | None = None


Build = Callable[[Start], AbstractAsyncContextManager[Served]]
End = Callable[[], Awaitable[None]]


class BastionWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's contract: init_process in the child, notify() at least once in `timeout` seconds, exit when told."""

    number: int = 0
    generation: int = 0  # of the arbiter, when this worker was born
    serves: bool = False
    loop: asyncio.AbstractEventLoop
    told: asyncio.Event

    def init_process(self) -> None:
        self.loop = uvloop.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.told = asyncio.Event()
        self.reloads = asyncio.Event()
        super().init_process()

    def init_signals(self) -> None:
        """TERM, INT and QUIT end the worker after what is under way; USR1 reads policy again."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self.loop.add_signal_handler(number, self.told.set)
        self.loop.add_signal_handler(signal.SIGUSR1, self.reloads.set)
        self.loop.add_signal_handler(signal.SIGWINCH, lambda: None)
        end_with_parent(signal.SIGTERM)

    def run(self) -> None:
        """An error before the first worker ever served ends the arbiter too; later it only ends this worker."""
        start: Start = self.app.start_for(self.number)
        sys.setswitchinterval(_SWITCH_S)
        start = replace(start, long_work=LongWork(batch=_schedule(start.config.server.scheduling)))
        self.booted = start.metrics.total(STARTS) > 0
        try:
            self.loop.run_until_complete(self._serve(start))
        except Exception as error:
            is_explained = self._tell_end(error)
            time.sleep(_PAUSE_S)  # whatever ails the start ails the next one too
            if is_explained:  # as gunicorn does it, but for the traceback
                raise SystemExit(1 if self.booted else Arbiter.WORKER_BOOT_ERROR) from error
            raise
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def _tell_end(self, error: Exception) -> bool:
        """Whether it could not start for a reason that is ours to explain: then no traceback hides that."""
        reason = _reason(error)
        if self.serves or not isinstance(reason, GatewayError):
            _LOG.exception("worker ends")
            return False
        _LOG.error("worker ends", why=str(reason))
        return True

    async def _serve(self, start: Start) -> None:
        build: Build = self.wsgi
        web_socket, decision_socket, ops_socket, *own = (listener.sock for listener in self.sockets)
        async with AsyncExitStack() as stack:
            served = await stack.enter_async_context(build(start))
            ends = [
                await _serve_app(served.ops_app, ops_socket),
                await _serve_app(served.web_app, web_socket),
                await _serve_decisions(served, decision_socket),
            ]
            if served.admin_app is not None:
                ends.append(await _serve_app(served.admin_app, *own))
            stack.push_async_callback(_end_together, ends)
            self.booted = self.serves = True
            _settle_memory()
            start.slot.cell(STARTS).add()
            start.slot.cell(SERVING).set(1)
            stack.callback(start.slot.cell(SERVING).set, 0)
            _LOG.info("worker serves", number=start.number, pid=os.getpid(), compiled=_COMPILED)
            await self._live(served)

    async def _live(self, served: Served) -> None:
        """Until told to end, or until the arbiter is gone. A policy is read as long as it takes."""
        async with asyncio.TaskGroup() as tasks:
            reading: asyncio.Task[None] | None = None
            while not self.told.is_set() and self.ppid == os.getppid():
                self.notify()
                if self.reloads.is_set() and (reading is None or reading.done()):
                    self.reloads.clear()
                    reading = tasks.create_task(served.reload_policy())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.told.wait(), _BEAT_S)
            if reading is not None:
                reading.cancel()


def _reason(error: BaseException) -> BaseException:
    """What task groups have wrapped."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _schedule(wanted: str) -> bool:
    """batch: the next questions come together, and Redis hears of them at once. Whether the policy was set here."""
    if wanted != "batch":
        return False
    try:
        return wait_for_free_cores(0)
    except OSError as error:  # a sandbox may forbid it, and nothing but speed is lost
        _LOG.warning("the batch policy can't be had", why=str(error))
        return False


def _settle_memory() -> None:
    """What was built lives as long as the worker: the collector need not walk over it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


async def _end_together(ends: Sequence[End]) -> None:
    """All listening sockets close at once, and nobody waits for another's last answers."""
    await asyncio.gather(*(end() for end in ends))


async def _serve_app(app: web.Application, listening: socket.socket) -> End:
    ending = asyncio.Event()

    async def last_of_its_connection(_request: web.Request, response: web.StreamResponse) -> None:
        if ending.is_set():
            response.headers["Connection"] = "close"
            response.force_close()

    app.on_response_prepare.append(last_of_its_connection)
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        keepalive_timeout=_KEEP_ALIVE_S,
        shutdown_timeout=DRAIN_S,
        max_line_size=_MAX_LINE,
        max_field_size=_MAX_FIELD,
        max_headers=_MAX_HEADERS,
    )
    await runner.setup()
    site = web.SockSite(runner, listening, backlog=_BACKLOG)
    await site.start()

    async def end() -> None:
        ending.set()
        await site.stop()
        await _linger(runner)
        await runner.cleanup()

    return end


async def _linger(runner: web.AppRunner) -> None:
    """A form may be on its way on a connection that the proxy holds, and the proxy sends no form twice."""
    deadline = time.monotonic() + _LINGER_S
    # aiohttp has no event for it.
    while runner.server and runner.server.connections and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)


async def _serve_decisions(served: Served, listening: socket.socket) -> End:
    """The listening socket closes first, so that the proxy's next connection goes to a worker that stays."""
    # Not create_unix_server: from Python 3.13 on it removes the socket's file when one worker of many closes it.
    server = await asyncio.get_running_loop().create_server(served.decision_protocol, sock=listening, backlog=_BACKLOG)

    async def end() -> None:
        server.close()
        await served.drain(DRAIN_S)

    return end
