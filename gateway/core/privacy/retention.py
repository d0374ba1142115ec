"""Owns the rules of retention: what is taken, after how long, and what keeps it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class RetentionRule(Enum):
    """The values are keys of the configuration and in stored rows: they never change."""

    ENDED_LOGINS = "ended_logins"
    AUDIT_PERSONAL = "audit_personal"


RETENTION_RULES: Final = tuple(rule.value for rule in RetentionRule)
# What a command and the documentation say of each.
MEANINGS: Final = {
    RetentionRule.ENDED_LOGINS: "logins that ended or ran out, with their sessions; not those of a grant that lives",
    RetentionRule.AUDIT_PERSONAL: "personal parts of the audit log: the key of a month is destroyed, its entries stay",
}


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """Seconds after which each rule takes; None: never."""

    ended_logins_s: int | None
    audit_personal_s: int | None

    def of(self, rule: RetentionRule) -> int | None:
        return self.ended_logins_s if rule is RetentionRule.ENDED_LOGINS else self.audit_personal_s
