"""Looks a password up among the breached ones, and says so where that can't be done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from gateway.core.errors import StoreUnavailable
from gateway.core.password.breached import BreachVerdict, breach_digest
from gateway.core.password.rules import Complaint, Rule
from gateway.outbound.ranges import NoRange
from gateway.stores.files.breach_index import NoIndex

_FOUND: Final = Complaint(
    Rule.BREACHED, "The password is in lists of passwords that leaked elsewhere, and attackers try those first."
)
_NOT_CHECKED: Final = Complaint(
    Rule.BREACHED, "The password can't be compared with lists of leaked passwords right now. Try again shortly."
)
_LOG: Final = structlog.stdlib.get_logger("gateway.breaches")


class CorpusOutOfReach(StoreUnavailable):
    """The configuration lets nobody in whose password can't be looked up."""


@dataclass(frozen=True, slots=True)
class Breaches:
    """has: whether the corpus has a digest; it raises NoRange or NoIndex. None: no corpus is asked.

    count: hears of each verdict of a corpus. at_change, when_unreachable: as configured.
    """

    has: Callable[[bytes], Awaitable[bool]] | None
    count: Callable[[BreachVerdict], None]
    at_change: Literal["refuse", "warn"] = "refuse"
    when_unreachable: Literal["admit", "refuse"] = "admit"

    async def look(self, password: str) -> BreachVerdict:
        """Never raises: that no corpus answers is a verdict too."""
        if self.has is None:
            return "not_checked"
        try:
            verdict: BreachVerdict = "found" if await self.has(breach_digest(password)) else "clear"
        except (NoRange, NoIndex) as error:
            _LOG.warning("a password was not looked up among the breached ones", why=str(error))
            verdict = "not_checked"
        self.count(verdict)
        return verdict

    async def look_at_login(self, password: str) -> BreachVerdict:
        """After it was right, so that strangers ask the corpus nothing. Raises CorpusOutOfReach."""
        verdict = await self.look(password)
        if self.out_of_reach(verdict):
            raise CorpusOutOfReach("the password can't be looked up among the breached ones")
        return verdict

    def complaint(self, verdict: BreachVerdict) -> Complaint | None:
        """Of a new password."""
        if verdict == "found" and self.at_change == "refuse":
            return _FOUND
        return _NOT_CHECKED if self.out_of_reach(verdict) else None

    def out_of_reach(self, verdict: BreachVerdict) -> bool:
        """Whether nobody is to pass because the corpus does not answer."""
        return verdict == "not_checked" and self.has is not None and self.when_unreachable == "refuse"


NO_CORPUS: Final = Breaches(None, lambda _verdict: None)
