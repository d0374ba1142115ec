"""What the audit log tells of erasures, holds and exports: a part of the catalogue."""

from dataclasses import dataclass
from typing import Final

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Id, Number, OurWord, Sealed, Severity

OWN: Final = "asked_by_person"


@dataclass(frozen=True, slots=True)
class _Asked(Event):
    """why: asked_by_person; None where an operator did it."""

    why: OurWord[str | None]

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why is None else By.PERSON


@dataclass(frozen=True, slots=True)
class ErasureAsked(_Asked):
    """due_at: Unix seconds."""

    kind = Kind.ERASURE_ASKED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.SEVERAL,
        "A person asked to be erased, not before `due_at`. Without `why`, an operator decided so.",
    )

    due_at: Number[int]


@dataclass(frozen=True, slots=True)
class ErasureWithdrawn(_Asked):
    kind = Kind.ERASURE_WITHDRAWN
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.SEVERAL,
        "A person took their request back. Without `why`, an operator did.",
    )


@dataclass(frozen=True, slots=True)
class UserErased(Event):
    """It holds nothing personal: the key that would seal it goes in the same transaction.

    reason: one of core/privacy/erasure.py. why: due; None where an operator did it.
    """

    kind = Kind.USER_ERASED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.SEVERAL,
        "A person was erased: nobody can read what is personal in their entries any more. `logins` ended with it."
        " With `why: due`, the gateway did it when the wait was over.",
    )

    logins: Id[tuple[str, ...]]
    reason: OurWord[str]
    why: OurWord[str | None] = None

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why is None else By.GATEWAY


@dataclass(frozen=True, slots=True)
class HoldAdded(Event):
    """Without a subject it is of everybody, and its reason is in the table of holds alone. ends_at: Unix seconds."""

    kind = Kind.HOLD_ADDED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.OPERATOR,
        "A hold keeps a person from being erased, or everybody where no person is named.",
    )

    hold: Number[int]
    ends_at: Number[int | None]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class HoldLifted(Event):
    kind = Kind.HOLD_LIFTED
    about = About(Family.PEOPLE, Severity.MEDIUM, By.OPERATOR, "A hold was lifted.")

    hold: Number[int]


@dataclass(frozen=True, slots=True)
class DataExported(_Asked):
    kind = Kind.DATA_EXPORTED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.SEVERAL,
        "A person got a copy of all that is stored of them. Without `why`, an operator got it.",
    )
