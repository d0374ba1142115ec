"""Puts together how a worker follows the fleet's master key, and how the fleet changes it."""

from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from gateway.app.concern import Concern, every
from gateway.flows.keys.key_status import KeyStatus, key_status
from gateway.flows.keys.master_rotation import ROUND_S, MasterRotation
from gateway.flows.operate.leader import Job
from gateway.flows.transaction import RecordUnavailable
from gateway.resources import Resources
from gateway.worker import Start

_MOST_S: Final = 600.0  # of a round: a large fleet has many people
_COUNT_S: Final = 300.0  # counting reads the key of each person
_NO_ID: Final = "unknown"  # of rows that don't say which key wraps them
_LOG: Final = structlog.stdlib.get_logger("gateway.app")


def master_keys(*, start: Start, resources: Resources) -> Concern:
    rotation, rows = MasterRotation(resources.acts), start.slot.named("bastion_keys_rows")

    async def status() -> KeyStatus:
        found = await key_status(resources.acts)
        rows.set({one.id or _NO_ID: sum(one.rows.values()) for one in found.masters})
        return found

    async def count() -> None:
        """By one worker of a node: the levels are those of the whole fleet."""
        await status()

    async def begin() -> None:
        """Without Postgres the first key of the configuration wraps; nothing is written then anyway."""
        with suppress(RecordUnavailable):
            await rotation.follow()
            if not start.number:
                for master in (await status()).unused:
                    _LOG.warning("a master key wraps nothing", key=master, advice="bastion keys status")

    return Concern(
        before=(begin,),
        beside=(rotation.keep_following, *(() if start.number else (partial(every, _COUNT_S, count),))),
        jobs=(Job("master_keys", rotation.work, every_s=ROUND_S, most_s=_MOST_S),),
    )
