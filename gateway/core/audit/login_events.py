"""What the audit log tells of sessions, ends of logins, and right passwords that open none: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Host, Id, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class SessionOpened(Event):
    """Earlier versions wrote a `login` with a `host` for it; readers take such an entry for one of this kind (E13)."""

    kind = Kind.SESSION_OPENED
    about = About(
        Family.SIGNING_IN,
        Severity.INFORMATIONAL,
        By.PERSON,
        "A person who is logged in opened a session on `host`. Before this version the log called it `login`, with a"
        " `host`; the commands show those as this kind too.",
    )

    login: Id[str]
    host: Host[str]


@dataclass(frozen=True, slots=True)
class LoginBlocked(Event):
    """reason: breached or risk."""

    kind = Kind.LOGIN_BLOCKED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.ANONYMOUS,
        "The password was right, and nobody was logged in. `reason`: `breached`, it is in the lists of breached"
        " passwords, and `breach.at_login` is not `warn`; `risk`, the [risk score](risk.md) reached `risk.block_at`.",
        'bastion_logins_total{outcome="blocked"}',
    )

    reason: OurWord[str]
    score: Number[int]
    factors: OurWord[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class LoginReleased(Event):
    kind = Kind.LOGIN_RELEASED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.PERSON,
        "The link of a notice said that a blocked login was the person's own. The browser that was blocked may try"
        " again for 15 minutes, and the password is doubted no more. Nobody is logged in by that.",
    )

    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class PasswordDoubted(Event):
    """why: abandoned or blocked."""

    kind = Kind.PASSWORD_DOUBTED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.GATEWAY,
        "A right password got nobody in, so somebody else may know it: the rest of the login never came (`abandoned`),"
        " or the login was `blocked`. The password counts in the [risk score](risk.md) until it is changed (L18).",
    )

    why: OurWord[str]


@dataclass(frozen=True, slots=True)
class PasswordDisabled(Event):
    """why: breached, or restored; then there is no address."""

    kind = Kind.PASSWORD_DISABLED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.GATEWAY,
        "A breached password was entered on a device that the person has not used for long, and `breach.at_login` is"
        " `change`. Nobody can use it any more; a mailed link or an operator sets another one (L1). With `restored`,"
        " the password was changed or disabled after a backup, and a restore brought it back (X1).",
    )

    why: OurWord[str]
    address: Sealed[str | None] = None
    user_agent: Sealed[str | None] = None


@dataclass(frozen=True, slots=True)
class LoggedOut(Event):
    kind = Kind.LOGOUT
    about = About(
        Family.SIGNING_IN,
        Severity.INFORMATIONAL,
        By.PERSON,
        "The person logged out: the login ended on all hosts.",
        "bastion_logouts_total",
    )

    login: Id[str]


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    kind = Kind.SESSION_ENDED
    about = About(
        Family.SIGNING_IN, Severity.INFORMATIONAL, By.PERSON, "The person ended one of their logins on `/account`."
    )

    login: Id[str]
