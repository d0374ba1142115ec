"""What a person is told who has to set up a second factor."""

from dataclasses import dataclass

from gateway.core.units import DAY_S
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.enrolment import Enrolment


@dataclass(frozen=True, slots=True)
class DaysLeft:
    """count: begun ones. 0: the time is over."""

    count: int


@dataclass(frozen=True, slots=True)
class OwnEnrolment:
    acts: Acts
    enrolment: Enrolment

    @property
    def asks_anybody(self) -> bool:
        return bool(self.enrolment.groups)

    async def left(self, live: LiveLogin) -> DaysLeft | None:
        """None: the person is asked for nothing. Raises RecordUnavailable."""
        due_at = await self.enrolment.due_at(self.acts, live)
        return None if due_at is None else DaysLeft(max(0, -((self.acts.clock() - due_at) // DAY_S)))
