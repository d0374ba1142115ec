"""Owns the section `compliance`."""

from typing import Annotated

from pydantic import Field

from gateway.config.setting import Section, setting
from gateway.config.values import Duration
from gateway.core.units import DAY_S, MINUTE_S


class ComplianceSection(Section):
    """Controls that Bastion looks at (docs/compliance.md)."""

    every_s: Annotated[Duration, Field(alias="every", ge=MINUTE_S, le=DAY_S)] = setting(
        "1h",
        "How often. A gap of more than twice as long is shown as not observed.",
        "a duration from 1m to 1d",
    )
