"""Puts together what erases people, and what keeps the ledger of it."""

from functools import partial
from typing import Final

from gateway.app.authorizing import answers_of
from gateway.app.concern import Concern, every
from gateway.config import Config
from gateway.flows.operate.leader import Job
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.flows.privacy.export import Export
from gateway.flows.privacy.ledger import LedgerKeeper
from gateway.flows.privacy.requests import OwnErasure
from gateway.flows.privacy.retention import Retention
from gateway.resources import Resources, notices_of
from gateway.stores.redis.buckets import Buckets
from gateway.web import privacy as pages
from gateway.web.browser import Browser
from gateway.worker import Start

_EVERY_S: Final = 5.0
_MOST_S: Final = 300.0
_LONG_S: Final = 3600.0


def privacy(*, start: Start, resources: Resources, browser: Browser, buckets: Buckets) -> Concern:
    config, acts = start.config, resources.acts
    notices = notices_of(config)
    asking = OwnErasure(acts, config.privacy.erasure, config.privacy.erasure_wait, notices)
    export = Export(acts, config.privacy.exports_per_day, notices)
    answers = answers_of(config, acts, buckets)
    erasure = erasure_of(config, resources)
    retention = Retention(
        erasure,
        config.retention.terms(),
        lambda rule, taken: start.slot.cell("bastion_retention_rows", rule).add(taken),
    )
    keeper = LedgerKeeper(
        resources.acts,
        erasure.files,
        config.backup.keep_keys,
        lambda state, count: start.slot.cell("bastion_erasures", state).set(count),
    )
    return Concern(
        routes=tuple(pages.routes(browser, asking, export, answers)),
        jobs=(
            Job("erasures", erasure.work, every_s=_EVERY_S, most_s=_MOST_S),
            Job("retention", retention.work, every_s=_MOST_S, most_s=_LONG_S),
        ),
        beside=() if start.number else (partial(every, _EVERY_S, keeper.work),),
    )


def erasure_of(config: Config, resources: Resources) -> Erasure:
    files = NodeFiles(config.audit.checkpoint_dir or config.data_dir, config.data_dir)
    by_itself = config.privacy.erasure == "direct"
    return Erasure(
        resources.acts,
        config.keys(),
        files,
        by_itself=by_itself,
        keep_s=config.backup.keep_keys,
        notices=notices_of(config),
    )
