"""What the audit log tells of the console: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Id, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class AdminEntered(Event):
    kind = Kind.ADMIN_ENTERED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.PERSON,
        "A person with a role opened the console, in `login`.",
    )

    login: Id[str]
    role: OurWord[str]
    address: Sealed[str]


@dataclass(frozen=True, slots=True)
class RoleGranted(Event):
    """until: Unix seconds. before: None for no role."""

    kind = Kind.ROLE_GRANTED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.OPERATOR,
        "A person has a role in the console from now on, until `until` where that is said.",
    )

    before: OurWord[str | None]
    after: OurWord[str]
    until: Number[int | None]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class RoleRevoked(Event):
    kind = Kind.ROLE_REVOKED
    about = About(Family.PEOPLE, Severity.MEDIUM, By.OPERATOR, "A person lost their role in the console.")

    before: OurWord[str | None]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class SettingChanged(Event):
    """before, after: as `bastion settings` shows them. file: what the configuration says. until: Unix seconds."""

    kind = Kind.SETTING_CHANGED
    about = About(
        Family.SETTINGS,
        Severity.MEDIUM,
        By.OPERATOR,
        "A setting was changed while Bastion runs. `file` is what the configuration says.",
    )

    setting: Id[str]
    before: Id[str]
    after: Id[str]
    file: Id[str]
    until: Number[int | None]
    revision: Number[int]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class SettingExpired(Event):
    kind = Kind.SETTING_EXPIRED
    about = About(
        Family.SETTINGS,
        Severity.INFORMATIONAL,
        By.GATEWAY,
        "The time of a changed setting is over: what the configuration says is in force again.",
    )

    setting: Id[str]
    before: Id[str]
    revision: Number[int]


@dataclass(frozen=True, slots=True)
class EmergencyBegun(Event):
    """what: close, require-mfa, stop-logins, end-sessions. named: an app, or whose sessions. until: Unix seconds.

    words: what visitors of a closed app read.
    """

    kind = Kind.EMERGENCY_BEGUN
    about = About(
        Family.SETTINGS,
        Severity.MEDIUM,
        By.OPERATOR,
        "An emergency measure is in force on all workers: an app is closed, everybody needs a second factor, sign-ins"
        " are stopped, or sessions end.",
    )

    what: OurWord[str]
    named: Id[str]
    until: Number[int | None]
    revision: Number[int]
    words: Sealed[str]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class EmergencyEnded(Event):
    """why: undone, expired, or done. sessions: how many ended, None where it was about something else."""

    kind = Kind.EMERGENCY_ENDED
    about = About(
        Family.SETTINGS,
        Severity.MEDIUM,
        By.SEVERAL,
        "An emergency measure is over: an operator undid it (`undone`), its time is over (`expired`), or all sessions"
        " have ended (`done`).",
    )

    what: OurWord[str]
    named: Id[str]
    why: OurWord[str]
    revision: Number[int]
    sessions: Number[int | None]
    reason: Sealed[str | None]

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why == "undone" else By.GATEWAY
