"""What the audit log tells of people and what operators do to them: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Id, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class UserAdded(Event):
    kind = Kind.USER_ADDED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "A person was added.")

    groups: Id[tuple[str, ...]]
    username: Sealed[str]
    name: Sealed[str]
    email: Sealed[str]


@dataclass(frozen=True, slots=True)
class UserDisabled(Event):
    """why: inactive; None where an operator did it."""

    kind = Kind.USER_DISABLED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.SEVERAL,
        "A person was disabled. `logins` ended with it. With `why: inactive`, retention did it.",
    )

    logins: Id[tuple[str, ...]]
    reason: Sealed[str | None] = None
    why: OurWord[str | None] = None

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why is None else By.GATEWAY


@dataclass(frozen=True, slots=True)
class UserEnabled(Event):
    kind = Kind.USER_ENABLED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "A person who was disabled may log in again.")

    reason: Sealed[str | None] = None


@dataclass(frozen=True, slots=True)
class PasswordChanged(Event):
    """why: changed_by_person; None where an operator set it."""

    kind = Kind.PASSWORD_CHANGED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.SEVERAL,
        "A person has a new password. `logins` ended with it. Without `why`, an operator set it.",
    )

    logins: Id[tuple[str, ...]]
    why: OurWord[str | None] = None

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why is None else By.PERSON


@dataclass(frozen=True, slots=True)
class GroupsChanged(Event):
    kind = Kind.GROUPS_CHANGED
    about = About(Family.PEOPLE, Severity.MEDIUM, By.OPERATOR, "A person belongs to other groups.")

    before: Id[tuple[str, ...]]
    after: Id[tuple[str, ...]]
    reason: Sealed[str | None] = None


@dataclass(frozen=True, slots=True)
class UserChanged(Event):
    """changed: username, name or email. why: changed_by_person, or undone; None where an operator did it."""

    kind = Kind.USER_CHANGED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.SEVERAL,
        "A person has another user name, display name or e-mail address: `changed` says which. Without `why`, an"
        " operator changed it. With `undone`, the person took a change of the address back by a mailed link.",
    )

    changed: OurWord[str]
    before: Sealed[str]
    after: Sealed[str]
    why: OurWord[str | None] = None
    reason: Sealed[str | None] = None

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why is None else By.PERSON


@dataclass(frozen=True, slots=True)
class SessionsEnded(Event):
    kind = Kind.SESSIONS_ENDED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "An operator ended `logins` of a person on all hosts.")

    logins: Id[tuple[str, ...]]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class PersonViewed(Event):
    kind = Kind.PERSON_VIEWED
    about = About(
        Family.PEOPLE,
        Severity.INFORMATIONAL,
        By.OPERATOR,
        "An operator looked at a person: their names, logins and locks.",
    )
