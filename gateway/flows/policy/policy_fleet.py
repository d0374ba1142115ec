"""Lets an operator wait until a policy is in force on every worker of every node (threats.md Y4)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from gateway.flows.policy.policies import Policies
from gateway.flows.transaction import transaction
from gateway.stores.postgres.policy_workers import PolicyWorker, PolicyWorkers

BEAT_S: Final = 1.0
SILENT_S: Final = 10.0  # ten beats
FORGOTTEN_S: Final = 3600.0
_START_S: Final = 60.0  # what was wished before is in the files that the worker has read when it started


async def _nothing_to_follow() -> tuple[int, str]:
    return 0, ""


@dataclass(slots=True)
class PolicyBeat:
    """Of one worker. node: of the fleet, as an operator knows it. signing_keys: kids by which it accepts tokens.

    follow: takes over what was changed in the console; the revision that it follows, and what it can't follow.
    master_ids: of the master keys that it has.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    policies: Policies
    node: str
    worker: int
    signing_keys: Callable[[], Sequence[str]] = tuple
    follow: Callable[[], Awaitable[tuple[int, str]]] = _nothing_to_follow
    master_ids: Sequence[str] = ()
    _done: int | None = field(default=None)

    async def beat(self) -> None:
        """Says what is enforced, after it was read again if somebody wished it. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            wished, lately = await PolicyWorkers(connection).wished(_START_S)
        if lately if self._done is None else wished != self._done:
            await self.policies.reload()
        self._done = wished
        settings, trouble = await self.follow()
        current = self.policies.current
        version = "" if current is None else current.policy.version
        refused, keys = self.policies.refused, self.signing_keys()
        async with transaction(self.pool) as connection:
            await PolicyWorkers(connection).report(
                self.node, self.worker, version, refused, wished, keys, settings, trouble, self.master_ids
            )

    async def end(self) -> None:
        """It is not to be waited for any more. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            await PolicyWorkers(connection).leave(self.node, self.worker)


@dataclass(frozen=True, slots=True)
class Progress:
    """workers: of the fleet. behind: what keeps those from it that don't enforce the policy yet, a line each."""

    workers: int
    behind: Sequence[str]

    @property
    def is_done(self) -> bool:
        return self.workers > 0 and not self.behind


@dataclass(frozen=True, slots=True)
class PolicyFleet:
    """Of an operator's command."""

    pool: "asyncpg.Pool[asyncpg.Record]"

    async def wish(self) -> int:
        """All workers read policy again within their beat. The number of the wish. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            return await PolicyWorkers(connection).wish()

    async def progress(self, version: str, wish: int) -> Progress:
        """Towards this version, since this wish. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            found = await PolicyWorkers(connection).all(FORGOTTEN_S)
        told = ((one, _behind(one, version, wish)) for one in found)
        return Progress(len(found), [f"{one.node}, worker {one.worker}: {why}" for one, why in told if why])


def _behind(one: PolicyWorker, version: str, wish: int) -> str:
    """ "": it enforces the version, and was heard of a moment ago."""
    if one.silent_s > SILENT_S:
        return f"not heard of for {one.silent_s:.0f} s; it may still serve version {one.version}"
    if one.wish < wish:
        return "has not read it yet"
    if one.refused:
        return f"refused it and serves version {one.version}: {one.refused.splitlines()[0]}"
    return "" if one.version == version else f"has other files: version {one.version}"
