"""What the audit log tells of people who get back into their account, or throw others out: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Kept, Sealed, Severity


@dataclass(frozen=True, slots=True)
class PasswordResetAsked(Event):
    """outcome: sent, limited, no_address, disabled or unknown. unknown_name: as of LoginFailed."""

    kind = Kind.PASSWORD_RESET_ASKED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.ANONYMOUS,
        "Somebody asked for a link to a new password. `outcome`: `sent`; `limited`, there were too many;"
        " `no_address` or `disabled`, the person has none or may not log in; `unknown`, nobody has that name.",
    )

    outcome: Kept[str]
    unknown_name: Kept[str | None]
    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class PasswordReset(Event):
    kind = Kind.PASSWORD_RESET
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.PERSON,
        "A person chose a new password with a mailed link. `logins` ended with it.",
    )

    logins: Kept[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class Disowned(Event):
    kind = Kind.DISOWNED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.PERSON,
        'A person used the link "This wasn\'t me": `logins` ended, and the password is disabled.',
    )

    logins: Kept[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]
