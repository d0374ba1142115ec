"""Gives the outbox what the chain of the audit log has for each endpoint: the log itself is the queue."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.outbox.kinds import MessageKind
from gateway.core.webhooks.filter import gets
from gateway.core.webhooks.message import Place
from gateway.flows.act import Acts

MOST_WAITING: Final = 1_000
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Follow:
    """work() is one round; who does one beside the leader's waits for it. wake: hears that there is something to send.

    An endpoint's cursor and the messages up to it are written in one transaction, so nothing is lost or added twice.
    If too many wait, the cursor stands: the log keeps the rest.
    """

    acts: Acts
    wake: Callable[[], None]

    async def work(self) -> None:
        """Raises RecordUnavailable."""
        async with self.acts.begin() as act:
            behind = await act.endpoints.behind()
        for endpoint_id in behind:
            while await self._go_on(endpoint_id):
                self.wake()

    async def _go_on(self, endpoint_id: str) -> bool:
        """False: it has come to the end, or as far as it may."""
        async with self.acts.begin() as act:
            endpoint = await act.endpoints.lock(endpoint_id)
            if endpoint is None or endpoint.state != "active":
                return False
            room = MOST_WAITING - await act.outbox.count_waiting(endpoint.destination)
            links = await act.chain.after(endpoint.cursor, min(_AT_ONCE, room)) if room > 0 else []
            if not links:
                return False
            wanted = [
                (one.position, Place(endpoint.id, one.position, one.hash).written())
                for one in links
                if gets(endpoint.id, endpoint.filter, one.entry)
            ]
            await act.outbox.add_all(MessageKind.WEBHOOK, endpoint.destination, wanted)
            await act.endpoints.move(endpoint.id, links[-1].position)
            return True
