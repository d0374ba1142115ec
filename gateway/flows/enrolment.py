"""Says by when a person has to have a second factor, and who may go nowhere before they have one."""

from dataclasses import dataclass
from typing import Final

from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin


@dataclass(frozen=True, slots=True)
class Enrolment:
    """groups: whose people have to have one, within_s after the first login at which they are asked."""

    groups: frozenset[str]
    within_s: int

    async def due_at(self, acts: Acts, live: LiveLogin) -> int | None:
        """Unix seconds. None: nothing is asked, or the person has a second factor. Raises RecordUnavailable."""
        if self.groups.isdisjoint(live.person.groups):
            return None
        user_id = live.person.user_id
        async with acts.begin() as act:
            if await act.factors.enrolled(user_id, act.now):
                return None
            return await act.enrolments_due.begin(user_id, act.now + self.within_s)

    async def is_over(self, acts: Acts, live: LiveLogin) -> bool:
        """Whether the person has to enrol one before anything else."""
        due_at = await self.due_at(acts, live)
        return due_at is not None and acts.clock() >= due_at


NOBODY_HAS_TO: Final = Enrolment(frozenset(), 0)
