"""Tells the metrics how far endpoints are behind."""

from collections import Counter
from dataclasses import dataclass

from gateway.flows.act import Acts
from gateway.metrics import Slot
from gateway.stores.postgres.endpoints import EndpointLevel


@dataclass(frozen=True, slots=True)
class EndpointLevels:
    """By one worker of a node: the levels are those of the whole fleet, and stay while Postgres can't tell them."""

    acts: Acts
    slot: Slot

    async def look(self) -> None:
        """Raises RecordUnavailable."""
        async with self.acts.begin() as act:
            levels = await act.endpoints.levels()
        self.slot.named("bastion_webhook_behind").set({one.id: one.behind for one in levels})
        states = Counter(_state(one) for one in levels)
        for state in ("active", "failing", "paused"):
            self.slot.cell("bastion_webhook_endpoints", state).set(states[state])


def _state(level: EndpointLevel) -> str:
    return "failing" if level.state == "active" and level.failures else level.state
