"""Puts together what keeps the audit log whole, and what brings its checkpoints elsewhere."""

from contextlib import suppress
from functools import partial
from typing import Final

from gateway.app.concern import Checks, Concern, every, once
from gateway.app.counters import counter
from gateway.config import Config
from gateway.config.describe import secret_keys, settings_lines
from gateway.core.errors import StoreOutage
from gateway.core.outbox.kinds import MessageKind
from gateway.flows.evidence.audit_log import CheckpointLost, Linker, count_waiting, refuse_lost
from gateway.flows.evidence.checkpoint_delivery import CheckpointDelivery
from gateway.flows.evidence.checkpoint_keys import CheckpointKeys
from gateway.flows.evidence.config_record import ConfigRecord
from gateway.flows.evidence.tallies import EVERY_S, Tallies
from gateway.flows.operate.delivery import LOOK_S, Delivery, OutboxKeeper
from gateway.flows.operate.leader import Job
from gateway.metrics import Slot
from gateway.outbound.webhook import Webhook
from gateway.resources import Resources, clock
from gateway.stores.files.checkpoints import CheckpointsUnusable
from gateway.web.operations import ReadinessCheck
from gateway.worker import Start

# Postgres away: its own check says so. Files that can't be read: the linker logs it, and `audit verify` says so.
_ELSEWHERE_SAID: Final = (StoreOutage, CheckpointsUnusable, OSError)
_PURGE_S: Final = 3_600.0


def evidence(*, start: Start, resources: Resources, tallies: Tallies) -> Concern:
    config, slot = start.config, start.slot
    keeper = OutboxKeeper(resources.pool, slot)
    delivery = _delivery(config=config, resources=resources, slot=slot)
    publish = None
    if delivery is not None:
        dropped = slot.cell("bastion_checkpoint_deliveries", "dropped").add
        publish = CheckpointDelivery(resources.acts, dropped, delivery.wake).offer
    announce = CheckpointKeys(resources.acts).announce
    waited = slot.timer("bastion_audit_link_seconds").observe
    linker = Linker(resources.pool, config.data_dir, config.audit.checkpoint_dir, clock, publish, announce, waited)
    unlinked, backup_age = slot.cell("bastion_audit_unlinked"), slot.cell("bastion_backup_age_seconds")

    async def look() -> None:
        """By one worker of a node: the level is that of the whole fleet."""
        unlinked.set(await count_waiting(resources.pool))
        async with resources.acts.begin() as act:
            backup_age.set(act.now - (await act.erasures.last_backup(act.now) or 0))

    async def refuse_older() -> None:
        if config.audit.checkpoint_dir is not None:
            with suppress(*_ELSEWHERE_SAID):
                await refuse_lost(resources.pool, config.audit.checkpoint_dir, config.data_dir)

    async def checks() -> Checks:
        try:
            await refuse_older()
        except CheckpointLost as error:
            return {"audit_log": ReadinessCheck(serves=False, detail=str(error))}
        return {"audit_log": ReadinessCheck(serves=True)} if config.audit.checkpoint_dir else {}

    record = ConfigRecord(resources.acts, settings_lines(config), secret_keys())
    return Concern(
        jobs=(Job("linker", linker.work), Job("outbox", keeper.purge, every_s=_PURGE_S)),
        beside=(
            partial(once, record.announce),
            partial(every, EVERY_S, tallies.write),
            *(() if start.number else (partial(every, LOOK_S, keeper.look), partial(every, LOOK_S, look))),
        ),
        deliveries=() if delivery is None else (delivery,),
        before=(refuse_older,),
        checks=checks,
        at_end=(tallies.write,),
    )


def _delivery(*, config: Config, resources: Resources, slot: Slot) -> Delivery | None:
    """Of checkpoints; None where no webhook takes them."""
    audit = config.audit
    if not audit.checkpoint_webhook:
        return None
    webhook = Webhook(audit.checkpoint_webhook, audit.webhook_bearer, audit.webhook_timeout_s)
    count = counter(slot, "bastion_checkpoint_deliveries", ("delivered", "failed"))
    return Delivery(resources.pool, MessageKind.CHECKPOINT, webhook.post, count)
