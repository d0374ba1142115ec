"""Lets an operator wait until no worker of the fleet accepts a signing key any more."""

from dataclasses import dataclass

import asyncpg

from gateway.flows.policy.policy_fleet import FORGOTTEN_S, SILENT_S, Progress
from gateway.flows.transaction import transaction
from gateway.stores.postgres.policy_workers import PolicyWorker, PolicyWorkers


@dataclass(frozen=True, slots=True)
class KeyFleet:
    """Of an operator's command."""

    pool: "asyncpg.Pool[asyncpg.Record]"

    async def progress(self, kid: str) -> Progress:
        """Towards a fleet that does not accept this key. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            found = await PolicyWorkers(connection).all(FORGOTTEN_S)
        told = ((one, _behind(one, kid)) for one in found)
        return Progress(len(found), [f"{one.node}, worker {one.worker}: {why}" for one, why in told if why])


def _behind(one: PolicyWorker, kid: str) -> str:
    if kid not in one.signing_keys:
        return ""
    if one.silent_s > SILENT_S:
        return f"not heard of for {one.silent_s:.0f} s; if it runs, it may still accept the key"
    return "still accepts the key"
