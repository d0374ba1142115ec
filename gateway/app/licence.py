"""Puts together what shows the licence: a line in the log at the start, and a metric. Nothing else asks for it."""

from functools import partial
from typing import Final

import structlog

from gateway.app.concern import Concern, every, once
from gateway.config import Config
from gateway.core.licence import public_keys_of
from gateway.figures import LICENCE_STATES
from gateway.flows.act import Acts
from gateway.flows.operate.licensing import Licensing
from gateway.resources import Resources
from gateway.worker import Start

_LOOK_S: Final = 3_600.0
_LOG: Final = structlog.stdlib.get_logger("gateway.licence")


def licence(*, start: Start, resources: Resources) -> Concern:
    """In one worker of a node."""
    licensing = licensing_of(start.config, resources.acts)

    async def look() -> str:
        state = (await licensing.show()).state.value
        for one in LICENCE_STATES:
            start.slot.cell("bastion_licence", one).set(int(one == state))
        return state

    async def tell() -> None:
        _LOG.info("licence", state=await look())

    async def look_again() -> None:
        await look()

    return Concern() if start.number else Concern(beside=(partial(once, tell), partial(every, _LOOK_S, look_again)))


def licensing_of(config: Config, acts: Acts) -> Licensing:
    own_keys = public_keys_of(config.licence.public_keys)
    return Licensing(acts, config.licence.file, own_keys, config.audit.checkpoint_dir)
