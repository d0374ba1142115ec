"""Owns the rules of retention: what is taken, after how long, what keeps it, and what a run may not do unasked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal
from uuid import UUID

from gateway.core.privacy.periods import end_of
from gateway.core.units import DAY_S

Parting = Literal["disable", "erase"]
_MANY: Final = 20
_SHARE: Final = 20  # one person in so many: 5 %
_YOUNG_S: Final = 30 * DAY_S
RESULTS_STAY_S: Final = 365 * DAY_S  # Postgres lets nobody delete a younger one, so no setting may ask for it


class RetentionRule(Enum):
    """In the order of a run. The values are keys of the configuration and in stored rows: they never change."""

    ENDED_LOGINS = "ended_logins"
    DELIVERIES = "deliveries"
    AUDIT_PERSONAL = "audit_personal"
    CONTROL_RESULTS = "control_results"
    NEVER_USED = "never_used"
    INACTIVE = "inactive"

    @property
    def is_of_people(self) -> bool:
        return self in (RetentionRule.NEVER_USED, RetentionRule.INACTIVE)


RETENTION_RULES: Final = tuple(rule.value for rule in RetentionRule)
# What a command and the documentation say of each.
MEANINGS: Final = {
    RetentionRule.ENDED_LOGINS: "logins that ended or ran out, with their sessions; not those of a grant that lives",
    RetentionRule.DELIVERIES: "messages that were delivered or have failed for good: mail, webhooks, logout tokens",
    RetentionRule.AUDIT_PERSONAL: "personal parts of the audit log: the key of a month is destroyed, its entries stay",
    RetentionRule.CONTROL_RESULTS: "results of controls, a run at a time; the newest run stays",
    RetentionRule.NEVER_USED: "accounts that nobody has ever used: they are erased",
    RetentionRule.INACTIVE: "accounts that nobody uses any more, once their people were told: disabled or erased",
}
# What laws and standards ask to keep at least; docs/privacy.md names them.
LEGAL_MINIMUM_S: Final[Mapping[RetentionRule, int]] = {RetentionRule.AUDIT_PERSONAL: 365 * DAY_S}


@dataclass(frozen=True, slots=True)
class InactiveTerms:
    """A person is told notice_s before after_s are over. Seconds."""

    after_s: int
    notice_s: int
    then: Parting


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """Seconds after which each rule takes; None: never."""

    ended_logins_s: int | None = None
    audit_personal_s: int | None = None
    deliveries_s: int | None = None
    never_used_s: int | None = None
    inactive: InactiveTerms | None = None
    control_results_s: int | None = None

    def of(self, rule: RetentionRule) -> int | None:
        return {
            RetentionRule.ENDED_LOGINS: self.ended_logins_s,
            RetentionRule.CONTROL_RESULTS: self.control_results_s,
            RetentionRule.DELIVERIES: self.deliveries_s,
            RetentionRule.AUDIT_PERSONAL: self.audit_personal_s,
            RetentionRule.NEVER_USED: self.never_used_s,
            RetentionRule.INACTIVE: None if self.inactive is None else self.inactive.after_s,
        }[rule]


def is_too_many(wanted: int, people: int) -> bool:
    """Whether a run may not disable or erase so many of all people without an operator: 20 who are over 5 %."""
    return wanted >= _MANY and wanted * _SHARE > people


def young(months: Sequence[str], seen_at: int) -> list[str]:
    """Those that a run may not destroy without an operator: they ended less than 30 days before seen_at.

    seen_at: Unix seconds, of the last run that went well. A clock that was set ahead since makes no month older.
    """
    return [month for month in months if end_of(month) > seen_at - _YOUNG_S]


@dataclass(frozen=True, slots=True)
class Leaver:
    """Whom a rule would take. is_owner: of the console, without an end."""

    user_id: UUID
    is_owner: bool


def without_last_owner(leavers: Sequence[Leaver], owners: int) -> list[UUID]:
    """In the same order. owners: how many there are. If all of them would go, the last of them stays."""
    own = [one for one in leavers if one.is_owner]
    spared = own[-1].user_id if own and len(own) >= owners else None
    return [one.user_id for one in leavers if one.user_id != spared]
