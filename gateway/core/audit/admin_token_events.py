"""What the audit log tells of tokens for the console's API: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Id, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class AdminTokenCreated(Event):
    """token: its id. expires_at: Unix seconds."""

    kind = Kind.ADMIN_TOKEN_CREATED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.OPERATOR,
        "A script may use the console's API with `token`, for which `subject` answers. Its acts have the actor"
        " `token:` and this id.",
    )

    token: Id[str]
    role: OurWord[str]
    expires_at: Number[int]
    networks: Sealed[tuple[str, ...]]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class AdminTokenRevoked(Event):
    kind = Kind.ADMIN_TOKEN_REVOKED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "A token for the console's API was revoked.")

    token: Id[str]
    reason: Sealed[str]
