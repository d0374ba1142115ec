"""Puts together how a worker follows the fleet's master key, and how the fleet changes it."""

from contextlib import suppress
from typing import Final

import structlog

from gateway.app.concern import Concern
from gateway.flows.keys.key_status import key_status
from gateway.flows.keys.master_rotation import ROUND_S, MasterRotation
from gateway.flows.operate.leader import Job
from gateway.flows.transaction import RecordUnavailable
from gateway.resources import Resources
from gateway.worker import Start

_MOST_S: Final = 600.0  # of a round: a large fleet has many people
_LOG: Final = structlog.stdlib.get_logger("gateway.app")


def master_keys(*, start: Start, resources: Resources) -> Concern:
    rotation = MasterRotation(resources.acts)

    async def begin() -> None:
        """Without Postgres the first key of the configuration wraps; nothing is written then anyway."""
        with suppress(RecordUnavailable):
            await rotation.follow()
            if not start.number:
                for master in (await key_status(resources.acts)).unused:
                    _LOG.warning("a master key wraps nothing", key=master, advice="bastion keys status")

    return Concern(
        before=(begin,),
        beside=(rotation.keep_following,),
        jobs=(Job("master_keys", rotation.work, every_s=ROUND_S, most_s=_MOST_S),),
    )
