"""What the audit log tells of right passwords that nobody was logged in with: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class LoginBlocked(Event):
    """reason: breached or risk."""

    kind = Kind.LOGIN_BLOCKED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.ANONYMOUS,
        "The password was right, and nobody was logged in. `reason`: `breached`, it is in the lists of breached"
        " passwords, and `breach.at_login` is `block`; `risk`, the [risk score](risk.md) reached `risk.block_at`.",
        'bastion_logins_total{outcome="blocked"}',
    )

    reason: OurWord[str]
    score: Number[int]
    factors: OurWord[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]
