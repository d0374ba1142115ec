"""Puts checkpoints of the audit log into the outbox, for audit.checkpoint_webhook."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.delivery_events import DeliveryDead
from gateway.core.outbox.kinds import MessageKind
from gateway.flows.act import Acts
from gateway.stores.files.checkpoints import SignedLine

MOST_WAITING: Final = 1_000  # about 17 hours of one in a minute
_TELL_EVERY_S: Final = 3_600.0
_SUPERSEDED: Final = "superseded: newer checkpoints vouch for it"


@dataclass(frozen=True, slots=True)
class CheckpointDelivery:
    """dropped: hears how many checkpoints will not be sent any more. wake: hears that there is something to send.

    Where too many wait the oldest become dead letters: each newer one vouches for all of the log that those before it
    did. An entry says so, but not within an hour of another dead letter: each entry makes the next checkpoint due.
    """

    acts: Acts
    dropped: Callable[[int], None]
    wake: Callable[[], None]
    most_waiting: int = MOST_WAITING

    async def offer(self, line: SignedLine) -> None:
        """Sent once, however often it is offered. Raises RecordUnavailable."""
        destination = f"audit.checkpoint_webhook/{line.key_id}"  # each node signs with a key of its own
        async with self.acts.begin() as act:
            outbox = act.outbox
            await outbox.add(MessageKind.CHECKPOINT, destination, line.position, line.text.encode())
            told = await outbox.died_lately(destination, _TELL_EVERY_S)
            buried = await outbox.bury_oldest(destination, self.most_waiting, _SUPERSEDED)
            if buried and not told:
                act.record(DeliveryDead(None, MessageKind.CHECKPOINT.value, destination))
        self.dropped(buried)
        self.wake()
