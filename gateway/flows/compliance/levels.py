"""The state of each control now, for metrics."""

from collections.abc import Mapping

from gateway.core.compliance.controls import BY_ID
from gateway.flows.act import Acts


async def control_states(acts: Acts) -> Mapping[str, str | None]:
    """By control; None: not observed, or too long ago. Raises RecordUnavailable."""
    async with acts.begin() as act:
        latest, now = await act.controls.latest(), act.now
    states: dict[str, str | None] = {}
    for control in BY_ID:
        one = latest.get(control)
        states[control] = None if one is None or now - one.at > 2 * one.every_s else one.result.value
    return states
