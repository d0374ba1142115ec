"""Owns the section `privacy`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StrictInt

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration
from gateway.core.units import DAY_S, HOUR_S


class Privacy(Section):
    """What people can ask for on `/account/privacy`."""

    erasure: Literal["request", "direct", "off"] = setting(
        "request",
        "request: people ask to be erased, and an operator runs `bastion user erase`. direct: Bastion erases them by "
        "itself after erasure_wait. off: the page has no such form.",
        "request, direct or off",
    )
    erasure_wait: Annotated[Duration, Field(ge=HOUR_S, le=90 * DAY_S)] = setting(
        "14d",
        "How long a person's own request waits. Until then each login shows it, and any login takes it back.",
        "a duration from 1h to 90d",
    )
    exports_per_day: Annotated[StrictInt, Field(ge=0, le=100)] = setting(
        1,
        "How often a person gets a copy of their data within 24 hours. 0: the page has no such form.",
        "a number from 0 to 100",
        kind="scalar",
    )

    def findings(self) -> Iterator[Finding]:
        if self.erasure == "direct" and self.erasure_wait < DAY_S:
            message = "is short: whoever takes over a login can have the person erased before they see it; expected 1d"
            yield Finding("privacy.erasure_wait", message, Grade.DOUBTFUL)
