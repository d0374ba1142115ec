"""Owns the section `sessions`."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration
from gateway.core.units import DAY_S


class Sessions(Section):
    """How long a login lasts. idle: since the last request. absolute: since the login."""

    idle_s: Annotated[Duration, Field(ge=60, le=30 * DAY_S)] = setting("30m", "", "a duration from 60s to 30d")
    absolute_s: Annotated[Duration, Field(ge=60, le=90 * DAY_S)] = setting("12h", "", "a duration from 60s to 90d")
    remembered_idle_s: Annotated[Duration, Field(ge=60, le=90 * DAY_S)] = setting(
        "14d", 'With "keep me signed in".', "a duration from 60s to 90d"
    )
    remembered_absolute_s: Annotated[Duration, Field(ge=60, le=400 * DAY_S)] = setting(
        "90d", 'With "keep me signed in".', "a duration from 60s to 400d"
    )

    def findings(self) -> Iterator[Finding]:
        if self.idle_s > self.absolute_s:
            yield Finding("sessions.idle_s", "is longer than sessions.absolute_s; expected at most that", Grade.WRONG)
        if self.remembered_idle_s > self.remembered_absolute_s:
            message = "is longer than sessions.remembered_absolute_s; expected at most that"
            yield Finding("sessions.remembered_idle_s", message, Grade.WRONG)
        for name in ("idle_s", "absolute_s"):
            if getattr(self, f"remembered_{name}") < getattr(self, name):
                message = f"is shorter than sessions.{name}, so a login that is kept ends first; expected at least that"
                yield Finding(f"sessions.remembered_{name}", message, Grade.WRONG)
