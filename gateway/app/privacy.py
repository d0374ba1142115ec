"""Puts together what erases people, and what keeps the ledger of it."""

from functools import partial
from typing import Final

from gateway.app.concern import Concern, every
from gateway.config import Config
from gateway.flows.operate.leader import Job
from gateway.flows.privacy.erasure import Erasure, LedgerKeeper, NodeFiles
from gateway.resources import Resources
from gateway.worker import Start

_EVERY_S: Final = 5.0
_MOST_S: Final = 300.0


def privacy(*, start: Start, resources: Resources) -> Concern:
    config = start.config
    erasure = erasure_of(config, resources)
    keeper = LedgerKeeper(resources.acts, erasure.files)
    return Concern(
        jobs=(Job("erasures", erasure.work, every_s=_EVERY_S, most_s=_MOST_S),),
        beside=() if start.number else (partial(every, _EVERY_S, keeper.work),),
    )


def erasure_of(config: Config, resources: Resources) -> Erasure:
    files = NodeFiles(config.audit.checkpoint_dir or config.data_dir, config.data_dir)
    return Erasure(resources.acts, config.keys(), files)
