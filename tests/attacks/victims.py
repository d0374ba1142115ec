"""Processes that act for ever, and say after each act that it is done, until somebody kills them."""

import asyncio
import itertools
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import asyncpg

from gateway.core.privacy.documents import DocumentKind
from gateway.core.privacy.retention import RESULTS_STAY_S, RetentionTerms
from gateway.core.units import DAY_S
from gateway.flows.documents import DocumentAdmin
from gateway.flows.evidence.audit_log import Linker
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.flows.privacy.retention import Retention
from gateway.flows.transaction import RecordUnavailable
from tests.attacks.conftest import House, open_house
from tests.core.forward.setting import KEYS
from tests.flows.controlled import run_of

LANGUAGES = ("de", "en", "fr")
OLD_LOGINS = """
    INSERT INTO logins
        (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, ended_at, ended_why, sealed)
    SELECT decode(md5(random()::text), 'hex'), users.id, 0, true, 60, 1, 0, 1, 'logout', ''
      FROM users, generate_series(1, 1500)
"""
# Runs of before those that a test counts, which have numbers from 1 on.
OLD_RESULTS = """
    INSERT INTO control_results (run, control, definition, at, every_s, result, evidence)
    SELECT least(0, (SELECT min(run) FROM control_results)) - n, id, sha256(''), 1, 3600, 'pass', '{}'
      FROM generate_series(1, 50) n, unnest(ARRAY['a', 'b', 'c']) id
"""
# Its server imports once what every victim needs; a new one is there within milliseconds.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
_BEGUN = "begun"
_DONE = "done"


@dataclass(frozen=True)
class Scene:
    """seed: of the victim's random bytes."""

    database_url: str
    redis_url: str
    directory: Path
    seed: int


@dataclass
class Victim:
    process: BaseProcess
    said: Connection

    @classmethod
    def start(cls, act: "Act", scene: Scene) -> "Victim":
        """It begins its first act when this returns."""
        here, there = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_run, args=(act, scene, there), daemon=True)
        process.start()
        there.close()
        victim = cls(process, here)
        assert here.recv() == _BEGUN
        return victim

    def kill(self) -> tuple[int, bool]:
        """SIGKILL. How many acts were done, and whether it was in the middle of another."""
        self.process.kill()
        self.process.join()
        assert self.process.exitcode == -signal.SIGKILL, "it had ended by itself"
        return self.heard()

    def heard(self) -> tuple[int, bool]:
        """As kill(), of one that ends by itself."""
        self.process.join(30)
        said = [_BEGUN]
        try:
            while True:
                said.append(self.said.recv())
        except (EOFError, OSError):
            self.said.close()
        return said.count(_DONE), said[-1] == _BEGUN


Act = Callable[[Scene, Callable[[], Awaitable[None]]], Coroutine[Any, Any, None]]


def _run(act: Act, scene: Scene, say: Connection) -> None:
    begun = False

    async def turn() -> None:
        """Between two acts."""
        nonlocal begun
        if begun:
            say.send(_DONE)
        begun = True
        say.send(_BEGUN)

    asyncio.run(act(scene, turn))


async def change_passwords(scene: Scene, turn: Callable[[], Awaitable[None]]) -> None:
    """eve's, for ever, or until Postgres is gone."""

    async def change(house: House, number: int) -> None:
        await house.admin.set_password("eve", f"correct horse {scene.seed} {number}")

    await _forever(scene, turn, change)


async def sign_in(scene: Scene, turn: Callable[[], Awaitable[None]]) -> None:
    async def once(house: House, _number: int) -> None:
        await house.sign_in("eve")

    await _forever(scene, turn, once)


async def run_controls(scene: Scene, turn: Callable[[], Awaitable[None]]) -> None:
    async def once(house: House, _number: int) -> None:
        await run_of(house).run()

    await _forever(scene, turn, once)


async def publish(scene: Scene, turn: Callable[[], Awaitable[None]]) -> None:
    async def once(house: House, number: int) -> None:
        admin, version = DocumentAdmin(house.acts, "cli:root"), f"{scene.seed}-{number}"
        await admin.publish(DocumentKind.TERMS, version, dict.fromkeys(LANGUAGES, "text"), None, None)

    await _forever(scene, turn, once)


async def purge(scene: Scene, turn: Callable[[], Awaitable[None]]) -> None:
    """More rows than a batch has wait for each run."""

    async def once(house: House, _number: int) -> None:
        await house.pool.execute(OLD_LOGINS)
        await house.pool.execute(OLD_RESULTS)
        await retention_of(house).run()

    await _forever(scene, turn, once)


def retention_of(house: House) -> Retention:
    nowhere = Path("/nonexistent")  # the ledger is the leader's
    terms = RetentionTerms(ended_logins_s=DAY_S, control_results_s=RESULTS_STAY_S)
    return Retention(Erasure(house.acts, KEYS, NodeFiles(nowhere, nowhere)), terms)


async def _forever(
    scene: Scene, turn: Callable[[], Awaitable[None]], act: Callable[[House, int], Awaitable[None]]
) -> None:
    async with (
        asyncpg.create_pool(scene.database_url, min_size=0, max_size=2) as pool,
        open_house(pool, scene.redis_url, scene.directory, scene.seed) as house,
    ):
        for number in itertools.count():
            await turn()
            try:
                await act(house, number)
            except RecordUnavailable:
                return


async def link(scene: Scene, turn: Callable[[], Awaitable[None]]) -> None:
    """With a clock that leaps, so that each new head is signed."""
    clock = itertools.count(1_800_000_000, 61)
    async with asyncpg.create_pool(scene.database_url, min_size=0, max_size=1) as pool:
        linker = Linker(pool, scene.directory / "data", scene.directory / "checkpoints", clock.__next__)
        while True:
            await turn()
            await linker.work()
