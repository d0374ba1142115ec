"""What the audit log tells of people who get back into their account, or keep others out: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Digest, Event, Family, Id, OurWord, Sealed, Severity


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

    outcome: OurWord[str]
    unknown_name: Digest[str | None]
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

    logins: Id[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class Disowned(Event):
    kind = Kind.DISOWNED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.PERSON,
        'A person used the link "This wasn\'t me": `logins` ended, and the password is disabled. `suspended`: so is the'
        " passkey of the login that they did not make.",
    )

    logins: Id[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]
    suspended: OurWord[str | None] = None


@dataclass(frozen=True, slots=True)
class UserInvited(Event):
    kind = Kind.USER_INVITED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.OPERATOR,
        "A person was mailed a link to choose their first password.",
    )

    reason: Sealed[str | None] = None


@dataclass(frozen=True, slots=True)
class UserImported(Event):
    """scheme: of the password hash; None: none came over. state: active or disabled."""

    kind = Kind.USER_IMPORTED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.OPERATOR,
        "A person was taken over from another system. `scheme` is what their password is hashed with until they log in;"
        " without it none came over. `state`: active or disabled.",
    )

    scheme: OurWord[str | None]
    state: OurWord[str]
    groups: Id[tuple[str, ...]]
    username: Sealed[str]
    name: Sealed[str]
    email: Sealed[str]


@dataclass(frozen=True, slots=True)
class EmailAsked(Event):
    """after: the address that is to be confirmed."""

    kind = Kind.EMAIL_ASKED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.PERSON,
        "A person asked for another e-mail address, in `login`. It counts once it is confirmed.",
    )

    login: Id[str]
    after: Sealed[str]


@dataclass(frozen=True, slots=True)
class DeviceForgotten(Event):
    """what: device, network, country or hours."""

    kind = Kind.DEVICE_FORGOTTEN
    about = About(
        Family.SIGNING_IN,
        Severity.INFORMATIONAL,
        By.PERSON,
        "The person forgot a device, a network, a country or their hours on `/account/devices`. It counts as new at the"
        " next login.",
    )

    what: OurWord[str]
