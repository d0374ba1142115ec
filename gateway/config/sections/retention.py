"""Owns the section `retention`."""

from typing import Annotated

from pydantic import Field

from gateway.config.setting import Section, setting
from gateway.config.values import Duration
from gateway.core.privacy.retention import RetentionTerms
from gateway.core.units import DAY_S


class RetentionSection(Section):
    """How long Bastion keeps what nobody needs any more (docs/privacy.md)."""

    enabled: bool = setting(True, "Whether anything is taken at all.", "true or false")
    ended_logins: Annotated[Duration, Field(ge=DAY_S, le=3650 * DAY_S)] = setting(
        "90d", "Logins that ended or ran out, with their sessions.", "a duration from 1d to 3650d"
    )
    audit_personal: Annotated[Duration, Field(ge=31 * DAY_S, le=3650 * DAY_S)] = setting(
        "400d",
        "Personal parts of the audit log. The key of a month is destroyed; its entries stay and verify.",
        "a duration from 31d to 3650d",
    )

    def terms(self) -> RetentionTerms:
        if not self.enabled:
            return RetentionTerms(None, None)
        return RetentionTerms(self.ended_logins, self.audit_personal)
