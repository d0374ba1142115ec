"""Makes dead letters of messages that are no longer tried."""

from gateway.core.audit.delivery_events import DeliveryDead
from gateway.core.outbox.kinds import MessageKind
from gateway.flows.act import Acts
from gateway.stores.postgres.outbox import Claimed

_TELL_EVERY_S = 3_600.0


async def bury(acts: Acts, kind: MessageKind, claimed: Claimed, status: str) -> None:
    """An entry says so, but not within an hour of another of this destination. Raises RecordUnavailable."""
    async with acts.begin() as act:
        told = await act.outbox.died_lately(claimed.destination, _TELL_EVERY_S)
        if await act.outbox.bury(claimed, status) and not told:
            act.record(DeliveryDead(claimed.user_id, kind.value, claimed.destination))
