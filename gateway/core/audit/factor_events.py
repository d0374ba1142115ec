"""What the audit log tells of second factors and of logins that ask for one: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Id, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class LoginStepUp(Event):
    """factors: any of which may follow; mail_code and operator_code are none, and confirm the login.

    new_password: the one that was typed is breached.
    """

    kind = Kind.LOGIN_STEP_UP
    about = About(
        Family.SIGNING_IN,
        Severity.INFORMATIONAL,
        By.ANONYMOUS,
        "A right password was typed, and a second factor or a code was asked for. Nobody is logged in by that.",
        'bastion_logins_total{outcome="step_up"}',
    )

    factors: OurWord[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class LoginAbandoned(Event):
    """why: expired, or tries where too many codes were wrong."""

    kind = Kind.LOGIN_ABANDONED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.ANONYMOUS,
        "A right password was typed, and the rest of the login never came: somebody else may know the password (L18).",
        'bastion_logins_total{outcome="abandoned"}',
    )

    why: OurWord[str]


@dataclass(frozen=True, slots=True)
class SteppedUp(Event):
    """amr: all that the login has proven now."""

    kind = Kind.STEP_UP
    about = About(
        Family.SIGNING_IN,
        Severity.INFORMATIONAL,
        By.PERSON,
        "A person who is logged in proved once more who they are.",
        'bastion_logins_total{outcome="accepted"}',
    )

    login: Id[str]
    amr: OurWord[tuple[str, ...]]
    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class FactorFailed(Event):
    """step: login; confirm, where a code was asked that is no factor; reset; step_up of somebody who is logged in.

    why locked: nobody looked at the code.
    """

    kind = Kind.FACTOR_FAILED
    about = About(
        Family.SIGNING_IN,
        Severity.LOW,
        By.ANONYMOUS,
        "A code for the second factor was wrong, or was used before; or a passkey was not the person's. With `why`"
        " `locked` the code was not looked at.",
    )

    step: OurWord[str]
    address: Sealed[str]
    user_agent: Sealed[str]
    why: OurWord[str | None] = None


@dataclass(frozen=True, slots=True)
class FactorAdded(Event):
    """factor: totp or passkey. replaced: there was one before."""

    kind = Kind.FACTOR_ADDED
    about = About(Family.PEOPLE, Severity.MEDIUM, By.PERSON, "A person enrolled a second factor.")

    factor: OurWord[str]
    replaced: OurWord[str | None] = None


@dataclass(frozen=True, slots=True)
class FactorRemoved(Event):
    """why: by_person, by_operator, or disowned: its person said that somebody else added it. passkey: its id."""

    kind = Kind.FACTOR_REMOVED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.SEVERAL,
        "A person has a second factor less. The recovery codes go with the last one.",
    )

    factor: OurWord[str]
    why: OurWord[str]
    reason: Sealed[str | None] = None
    passkey: Id[str | None] = None

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why == "by_operator" else By.PERSON


@dataclass(frozen=True, slots=True)
class PasskeySuspended(Event):
    """before, now: its counter."""

    kind = Kind.PASSKEY_SUSPENDED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.GATEWAY,
        "A passkey signed with a counter that had not risen: there may be a copy of it. It no longer counts (L24).",
    )

    before: Number[int]
    now: Number[int]


@dataclass(frozen=True, slots=True)
class RecoveryCodesMade(Event):
    kind = Kind.RECOVERY_CODES_MADE
    about = About(
        Family.PEOPLE, Severity.LOW, By.PERSON, "A person got new recovery codes. Those before count no more."
    )


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed(Event):
    """code: recovery, or operator where an operator had made it. left: recovery codes that were not used yet."""

    kind = Kind.RECOVERY_CODE_USED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.PERSON,
        "A one-time code stood in for a person's second factor; or one of an operator confirmed a login.",
    )

    code: OurWord[str]
    left: Number[int]


@dataclass(frozen=True, slots=True)
class OperatorCodeMade(Event):
    """expires_at: Unix seconds."""

    kind = Kind.OPERATOR_CODE_MADE
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.OPERATOR,
        "An operator made a one-time code. It stands in for a person's second factor, or for a mailed code.",
    )

    expires_at: Number[int]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class FactorResetAnnounced(Event):
    kind = Kind.FACTOR_RESET_ANNOUNCED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.OPERATOR,
        "An operator will have all second factors of a person removed, 24 hours after the mail server took the notice.",
    )

    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class FactorResetStopped(Event):
    """why: by_person, or undelivered."""

    kind = Kind.FACTOR_RESET_STOPPED
    about = About(
        Family.PEOPLE,
        Severity.MEDIUM,
        By.SEVERAL,
        "An announced reset of second factors does not happen: the person stopped it with the link of the notice"
        " (`by_person`), or no mail server took the notice (`undelivered`).",
    )

    why: OurWord[str]

    @property
    def by(self) -> By:
        return By.PERSON if self.why == "by_person" else By.GATEWAY
