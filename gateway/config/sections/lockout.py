"""Owns the section `lockout`."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field, StrictInt

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration
from gateway.core.login.lockout import LockoutRules
from gateway.core.units import DAY_S, MINUTE_S

_TO_A_DAY: Final = "a duration from 1m to 1d"


class LockoutSection(Section):
    """When wrong passwords lock a person out, and for how long. Bastion counts apart for each device that the person
    logged in from before, so guesses from elsewhere do not lock those devices.
    """

    failures: Annotated[StrictInt, Field(ge=3, le=100)] = setting(
        10, "How many failures within `within` cause a lock.", "a whole number from 3 to 100", kind="scalar"
    )
    within_s: Annotated[Duration, Field(alias="within", ge=MINUTE_S, le=DAY_S)] = setting(
        "15m", "How long a failure counts.", _TO_A_DAY
    )
    first_s: Annotated[Duration, Field(alias="first", ge=MINUTE_S, le=DAY_S)] = setting(
        "15m", "How long the first lock lasts. Each further lock lasts twice as long as the one before.", _TO_A_DAY
    )
    longest_s: Annotated[Duration, Field(alias="longest", ge=MINUTE_S, le=7 * DAY_S)] = setting(
        "24h",
        "How long a lock lasts at most. After so long without a lock, the next one lasts as long as the first.",
        "a duration from 1m to 7d",
    )

    def rules(self) -> LockoutRules:
        return LockoutRules(self.failures, self.within_s, self.first_s, self.longest_s)

    def findings(self) -> Iterator[Finding]:
        if self.first_s < self.within_s:
            message = "is shorter than lockout.within, so more passwords could be tried in that time than"
            yield Finding("lockout.first", f"{message} lockout.failures; expected at least that", Grade.WRONG)
        if self.longest_s < self.first_s:
            yield Finding("lockout.longest", "is shorter than lockout.first; expected at least that", Grade.WRONG)
