"""Owns the section `retention`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration
from gateway.core.privacy.retention import (
    LEGAL_MINIMUM_S,
    RESULTS_STAY_S,
    InactiveTerms,
    Parting,
    RetentionRule,
    RetentionTerms,
)
from gateway.core.units import DAY_S

_Days = Annotated[Duration, Field(ge=DAY_S, le=3650 * DAY_S)]
_Off = Literal["off"]


class InactiveSection(Section):
    """Accounts that nobody uses any more."""

    after: _Days | _Off = setting(
        "off",
        "Accounts that nobody has used for so long are disabled or erased. A login, an app and an API key use one.",
        "a duration from 1d to 3650d, or off",
    )
    notice: _Days = setting(
        "30d",
        "How long before that Bastion tells the person, by mail where there is mail. A login takes them off.",
        "a duration from 1d to 3650d, shorter than after",
    )
    then: Parting = setting("disable", "What happens to the account.", "disable or erase")

    def terms(self) -> InactiveTerms | None:
        return None if self.after == "off" else InactiveTerms(self.after, self.notice, self.then)


class RetentionSection(Section):
    """How long Bastion keeps what nobody needs any more (docs/privacy.md)."""

    enabled: bool = setting(True, "Whether anything is taken at all.", "true or false")
    ended_logins: _Days = setting(
        "90d", "Logins that ended or ran out, with their sessions.", "a duration from 1d to 3650d"
    )
    deliveries: _Days = setting(
        "30d",
        "Mail, webhooks and other messages that were delivered, or have failed for good.",
        "a duration from 1d to 3650d",
    )
    audit_personal: Annotated[Duration, Field(ge=31 * DAY_S, le=3650 * DAY_S)] = setting(
        "400d",
        "Personal parts of the audit log. The key of a month is destroyed; its entries stay and verify.",
        "a duration from 31d to 3650d",
    )
    control_results: Annotated[Duration, Field(ge=RESULTS_STAY_S, le=3650 * DAY_S)] = setting(
        "3y",
        "Results of controls. Postgres lets nobody delete one that is younger than a year.",
        "a duration from 365d to 3650d",
    )
    never_used: _Days | _Off = setting(
        "off",
        "Accounts that nobody has ever used are erased, so long after they were made.",
        "a duration from 1d to 3650d, or off",
    )
    inactive: InactiveSection = InactiveSection()

    def terms(self) -> RetentionTerms:
        if not self.enabled:
            return RetentionTerms()
        return RetentionTerms(
            self.ended_logins,
            self.audit_personal,
            self.deliveries,
            None if self.never_used == "off" else self.never_used,
            self.inactive.terms(),
            self.control_results,
        )

    def findings(self) -> Iterator[Finding]:
        least_s = LEGAL_MINIMUM_S[RetentionRule.AUDIT_PERSONAL]
        if self.enabled and self.audit_personal < least_s:
            message = (
                f"is {self.audit_personal // DAY_S}d: PCI DSS 10.5.1 asks to keep the audit log for a year;"
                f" expected {least_s // DAY_S}d or more"
            )
            yield Finding("retention.audit_personal", message, Grade.DOUBTFUL)
        terms = self.inactive.terms()
        if terms is not None and terms.notice_s >= terms.after_s:
            message = "is not shorter than retention.inactive.after, so people were told while they use their accounts"
            yield Finding("retention.inactive.notice", message, Grade.WRONG)
