"""Owns the arbiter: binds the sockets, keeps the wanted number of workers alive, reloads without a gap.

SIGHUP reads the configuration again and replaces the workers; a broken one is refused and the running workers stay.
SIGUSR1 makes each worker read policy again. SIGTERM and SIGINT end all after what is under way. What another server
has is not touched: the second one ends.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from gateway.claims import DRAINING_S, Directories, require_free, still_in_use
from gateway.config import Config, ConfigRejected
from gateway.core.errors import GatewayError
from gateway.logs import start_logging
from gateway.metrics import Metrics
from gateway.worker import DRAIN_S, SERVING, BastionWorker, Build, Start

_WORKER_SILENT_S: Final = 30
_PRIVATE_SOCKETS: Final = 0o117  # umask: owner and group may connect
_SPARE_SLOTS: Final = 4
_LOG: Final = structlog.stdlib.get_logger("gateway.serve")


class DirectoryInUse(GatewayError):
    """Another server writes there; the message says which one."""


def serve(config: Config, reload_config: Callable[[], Config], build: Build) -> None:
    """Does not return before all workers have ended. reload_config may raise ConfigRejected.

    Raises ListenersInUse or DirectoryInUse before anything is touched.
    """
    start_logging(config.log.level, config.log.format)
    require_free(_listeners(config))
    directories = Directories()
    _take(directories, config)
    _Arbiter(_Application(config, reload_config, build, directories)).run()


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own reload ends the old workers whatever becomes of the new ones.

    generation: grows with each reload; a worker has that of its birth, and so a configuration no newer.
    """

    generation = 0

    def reload(self) -> None:
        """On SIGHUP. manage_workers does the rest."""
        if not self.app.accept_new_config():
            return
        self.app.reload()
        self.setup(self.app)
        self.generation += 1

    def manage_workers(self) -> None:
        """Called each second, and when a worker has died.

        As many old ones as there should be serve until as many young ones do. One young goes first: as long as none can
        start, one at a time tries, and nothing else changes. A young one that dies is missing, whatever it died of.
        """
        young = [worker for worker in self.WORKERS.values() if worker.generation == self.generation]
        old = [worker for worker in self.WORKERS.values() if worker.generation < self.generation]
        if not old:
            super().manage_workers()
            return
        all_serve = all(self.app.serves(worker.number) for worker in young)
        replaced = all_serve and len(young) >= self.num_workers
        serving = [] if replaced else [worker for worker in old if self.app.serves(worker.number)]
        for worker in old:
            if worker not in serving[-self.num_workers :]:
                self.kill_worker(worker.pid, signal.SIGTERM)  # each second, because one that is being born is deaf
        if all_serve:
            missing = self.num_workers - len(young) if young else 1
            for _number in range(min(missing, self.app.most_workers - len(self.WORKERS))):
                self.spawn_worker()


class _Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's view of us: where to bind, how many workers, and what each worker builds."""

    def __init__(
        self, config: Config, reload_config: Callable[[], Config], build: Build, directories: Directories
    ) -> None:
        self._config = config
        self._reload_config = reload_config
        self._build = build
        self._directories = directories
        # While workers are replaced, the old ones still write to their slots.
        self._metrics = Metrics(slots=_SPARE_SLOTS * max(config.server.workers, os.cpu_count() or 1))
        super().__init__(prog="bastion")

    @property
    def most_workers(self) -> int:
        """Old and young together: each has a place of its own among the figures."""
        return self._metrics.slots

    def load_config(self) -> None:
        listeners = _listeners(self._config)
        for address in listeners:
            _make_room(address)
        settings: dict[str, object] = {
            "bind": list(listeners),
            "workers": self._config.server.workers,
            "worker_class": BastionWorker,
            "timeout": _WORKER_SILENT_S,
            "graceful_timeout": int(DRAIN_S) + 5,
            "umask": _PRIVATE_SOCKETS,
            "control_socket_disable": True,
            "pre_fork": self._give_number,
            "post_fork": self._disown,
            "child_exit": self._forget_levels,
            "logger_class": _Logger,
            "proc_name": "bastion",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Build:
        return self._build

    def accept_new_config(self) -> bool:
        """On SIGHUP, in the arbiter; False: the last good configuration stays, and the workers with it."""
        try:
            config = self._reload_config()
        except ConfigRejected as refusal:
            _LOG.error("configuration refused, the last good one stays", problems=str(refusal).splitlines())
            return False
        if _listeners(config) != _listeners(self._config):
            _LOG.error("listeners change only at a restart, the last good configuration stays")
            return False
        if config.server.workers * 2 > self.most_workers:
            message = "so many workers need a restart, the last good configuration stays"
            _LOG.error(message, workers=config.server.workers, most=self.most_workers // 2)
            return False
        try:
            _take(self._directories, config)
        except DirectoryInUse as refusal:
            _LOG.error("directory in use, the last good configuration stays", why=str(refusal))
            return False
        self._config = config
        start_logging(self._config.log.level, self._config.log.format)
        return True

    def start_for(self, number: int) -> Start:
        return Start(self._config, number, self._metrics, self._metrics.slot(number))

    def serves(self, number: int) -> bool:
        return self._metrics.level(number, SERVING) > 0

    def _give_number(self, arbiter: _Arbiter, worker: BastionWorker) -> None:
        worker.generation = arbiter.generation
        taken = {living.number for living in arbiter.WORKERS.values()}
        worker.number = next(number for number in range(self._metrics.slots) if number not in taken)
        self._metrics.slot(worker.number).reset_gauges()

    def _disown(self, _arbiter: _Arbiter, _worker: BastionWorker) -> None:
        """A worker that outlives the arbiter for a moment is in no successor's way."""
        self._directories.disown()

    def _forget_levels(self, _arbiter: Any, worker: BastionWorker) -> None:
        """One that was killed could not say that it serves no more; its counters stay."""
        self._metrics.slot(worker.number).reset_gauges()


class _Logger:
    """gunicorn's own messages, in our log. cfg: the arbiter compares it at a reload."""

    def __init__(self, cfg: object) -> None:
        self.cfg = cfg
        self._log = logging.getLogger("gateway.arbiter")
        self.access_log = self._log

    def __getattr__(self, name: str) -> Any:
        """critical, error, warning, info, debug and exception are the log's own."""
        return getattr(self._log, name)

    def setup(self, cfg: object) -> None:
        """start_logging has done it."""
        self.cfg = cfg

    def access(self, *_arguments: object) -> None:
        """Requests are logged by who answers them."""

    def reopen_files(self) -> None:
        """Standard error is never reopened."""

    def close_on_exec(self) -> None:
        """Standard error stays."""


def _listeners(config: Config) -> tuple[str, ...]:
    """In the order that the worker expects."""
    return tuple(config.listeners.values())


def _take(directories: Directories, config: Config) -> None:
    """Logouts that Postgres missed and checkpoints are written there. Raises DirectoryInUse.

    Without such a directory requests are answered all the same, so one that can't be had is only told.
    """
    named = {"data_dir": config.data_dir, "audit.checkpoint_dir": config.audit.checkpoint_dir}
    for key, directory in named.items():
        if directory is None:
            continue
        try:
            holder = still_in_use(partial(directories.take, directory), DRAINING_S)
        except OSError as error:
            _LOG.warning("directory can't be used", key=key, directory=str(directory), why=error.strerror)
            continue
        if holder:
            raise DirectoryInUse(f"{key}: {directory} is in use by {holder}; end it or name another directory")


def _make_room(address: str) -> None:
    """The directory of a unix socket, open to our group only; the socket's mode does not guard it everywhere."""
    if not address.startswith("unix:"):
        return
    directory = Path(address.removeprefix("unix:")).parent
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"{directory} cannot be made: {error}")
