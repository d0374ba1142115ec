"""The catalogue of events: what the audit log can tell, who did it, which fields are personal, what it means.

The names of fields are in stored entries: they never change. A new kind is a class here or in a module beside it, and a
value in Kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, cast

from gateway.core.audit.app_events import (
    ApiKeyCreated,
    ApiKeyRevoked,
    AppConsentGiven,
    ClientAdded,
    ClientChanged,
    ClientDisabled,
    ClientSecretRotated,
    CodeReused,
    GrantEnded,
    GrantIssued,
    RefreshReused,
)
from gateway.core.audit.entries import Entry, Kind
from gateway.core.audit.event import About, AppEvent, By, Event, Family, Kept, Part, Sealed, Severity
from gateway.core.audit.factor_events import (
    FactorAdded,
    FactorFailed,
    FactorRemoved,
    FactorResetAnnounced,
    FactorResetStopped,
    LoginAbandoned,
    LoginStepUp,
    OperatorCodeMade,
    PasskeySuspended,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SteppedUp,
)
from gateway.core.audit.key_events import (
    SigningKeyCompromised,
    SigningKeyCreated,
    SigningKeyExported,
    SigningKeyRetired,
)
from gateway.core.audit.lockout_events import Locked, Unlocked
from gateway.core.audit.login_events import LoginBlocked, LoginReleased, PasswordDisabled, PasswordDoubted
from gateway.core.audit.recovery_events import (
    DeviceForgotten,
    Disowned,
    EmailAsked,
    PasswordReset,
    PasswordResetAsked,
    UserImported,
    UserInvited,
)
from gateway.core.audit.settings_events import ConfigLoaded, PolicyLoaded, PolicyNotLoaded, UnknownNamesRenewed

_GATEWAY: Final = "gateway"


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    """host: of a hand-off, which is no new login; address and user_agent: of a new login or a new secret.

    amr: how it was proven.
    score, factors: as LoginFailed has them, of a new login or a new secret. breach: clear, found or not_checked.
    """

    kind = Kind.LOGIN
    about = About(
        Family.SIGNING_IN,
        Severity.INFORMATIONAL,
        By.PERSON,
        "A person logged in; `amr` says how. `score` and `factors` are its [risk score](risk.md), `breach` says whether"
        " the password is [breached](passwords.md#check-for-breached-passwords): `clear`, `found` or `not_checked`."
        " With `host`: a person who is logged in opened a session on that host.",
        'bastion_logins_total{outcome="accepted"}',
    )

    login: Kept[str]
    host: Kept[str | None] = None
    score: Kept[int | None] = None
    factors: Kept[tuple[str, ...] | None] = None
    breach: Kept[str | None] = None
    address: Sealed[str | None] = None
    user_agent: Sealed[str | None] = None
    amr: Kept[tuple[str, ...] | None] = None


@dataclass(frozen=True, slots=True)
class LoginFailed(Event):
    """unknown_name: the mark of a name that nobody has, which may be a password in the wrong field (threats.md D4).

    score, factors: what the risk score of the attempt was, and which factors it had; None where nobody has the name.
    """

    kind = Kind.LOGIN_FAILED
    about = About(
        Family.SIGNING_IN,
        Severity.LOW,
        By.ANONYMOUS,
        "A login was refused: the password was wrong, or the person is disabled. `score` and `factors` are its"
        " [risk score](risk.md). With `unknown_name`: nobody has that name. With `login`: the current password was"
        " wrong in a change of the password, in that login. With `why:"
        " locked`: the password was not looked at, because the person is locked out there.",
        'bastion_logins_total{outcome="wrong"}',
    )

    unknown_name: Kept[str | None]
    address: Sealed[str]
    user_agent: Sealed[str]
    login: Kept[str | None] = None
    score: Kept[int | None] = None
    factors: Kept[tuple[str, ...] | None] = None
    why: Kept[str | None] = None


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

    login: Kept[str]


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    kind = Kind.SESSION_ENDED
    about = About(
        Family.SIGNING_IN, Severity.INFORMATIONAL, By.PERSON, "The person ended one of their logins on `/account`."
    )

    login: Kept[str]


@dataclass(frozen=True, slots=True)
class UserAdded(Event):
    kind = Kind.USER_ADDED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "A person was added.")

    groups: Kept[tuple[str, ...]]
    username: Sealed[str]
    name: Sealed[str]
    email: Sealed[str]


@dataclass(frozen=True, slots=True)
class UserDisabled(Event):
    kind = Kind.USER_DISABLED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "A person was disabled. `logins` ended with it.")

    logins: Kept[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class UserEnabled(Event):
    kind = Kind.USER_ENABLED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "A person who was disabled may log in again.")


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

    logins: Kept[tuple[str, ...]]
    why: Kept[str | None] = None

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why is None else By.PERSON


@dataclass(frozen=True, slots=True)
class GroupsChanged(Event):
    kind = Kind.GROUPS_CHANGED
    about = About(Family.PEOPLE, Severity.MEDIUM, By.OPERATOR, "A person belongs to other groups.")

    before: Kept[tuple[str, ...]]
    after: Kept[tuple[str, ...]]


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

    changed: Kept[str]
    before: Sealed[str]
    after: Sealed[str]
    why: Kept[str | None] = None

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why is None else By.PERSON


@dataclass(frozen=True, slots=True)
class SessionsEnded(Event):
    kind = Kind.SESSIONS_ENDED
    about = About(Family.PEOPLE, Severity.LOW, By.OPERATOR, "An operator ended `logins` of a person on all hosts.")

    logins: Kept[tuple[str, ...]]
    reason: Sealed[str]


@dataclass(frozen=True, slots=True)
class AccessDenied(Event):
    kind = Kind.ACCESS_DENIED
    about = About(
        Family.ACCESS,
        Severity.LOW,
        By.PERSON,
        "Policy denied a route to a person who is logged in, so many `times` within a minute.",
        'bastion_decisions_total{outcome="deny"}',
    )

    route: Kept[str]
    reason: Kept[str]
    times: Kept[int]


@dataclass(frozen=True, slots=True)
class CookieDoubled(Event):
    """Nobody's, because nobody was read from it (threats.md H1)."""

    kind = Kind.COOKIE_DOUBLED
    about = About(
        Family.ACCESS,
        Severity.MEDIUM,
        By.ANONYMOUS,
        "Requests brought a cookie of Bastion twice, so many `times` within a minute, and neither counted:"
        " a sibling host or a script plants cookies.",
    )

    host: Kept[str]
    cookie: Kept[str]
    times: Kept[int]


@dataclass(frozen=True, slots=True)
class DeliveryDead(Event):
    """message: the kind of what was to be delivered. destination: its name, without an address."""

    kind = Kind.DELIVERY_DEAD
    about = About(
        Family.DELIVERY,
        Severity.MEDIUM,
        By.GATEWAY,
        "Messages for a destination are no longer tried. The log says so again only after an hour without another one."
        " `bastion outbox list --dead` shows them.",
    )

    message: Kept[str]
    destination: Kept[str]


CATALOGUE: Final[tuple[type[Event], ...]] = (
    LoggedIn,
    LoginFailed,
    LoginBlocked,
    LoginReleased,
    PasswordDisabled,
    PasswordDoubted,
    Locked,
    Unlocked,
    LoggedOut,
    SessionEnded,
    DeviceForgotten,
    UserAdded,
    UserDisabled,
    UserEnabled,
    PasswordChanged,
    PasswordResetAsked,
    PasswordReset,
    Disowned,
    UserInvited,
    UserImported,
    EmailAsked,
    GroupsChanged,
    UserChanged,
    SessionsEnded,
    AccessDenied,
    CookieDoubled,
    PolicyLoaded,
    PolicyNotLoaded,
    ConfigLoaded,
    UnknownNamesRenewed,
    DeliveryDead,
    AppConsentGiven,
    GrantIssued,
    GrantEnded,
    CodeReused,
    RefreshReused,
    ClientAdded,
    ClientChanged,
    ClientDisabled,
    ClientSecretRotated,
    ApiKeyCreated,
    ApiKeyRevoked,
    SigningKeyCreated,
    SigningKeyRetired,
    SigningKeyExported,
    SigningKeyCompromised,
    LoginStepUp,
    LoginAbandoned,
    SteppedUp,
    FactorFailed,
    FactorAdded,
    FactorRemoved,
    PasskeySuspended,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    OperatorCodeMade,
    FactorResetAnnounced,
    FactorResetStopped,
)


def entry_of(event: Event, at: int, operator: str, request_id: str) -> Entry:
    """The one way in which an entry comes to be. at: Unix seconds. operator: who acts where an operator does."""
    return Entry(
        kind=event.kind,
        at=at,
        actor=_actor(event, operator),
        subject=event.subject,
        detail=_values(event, Part.DETAIL),
        personal=cast("Mapping[str, str]", _values(event, Part.PERSONAL)),
        request_id=request_id,
    )


def names(event: type[Event], part: Part) -> tuple[str, ...]:
    """Of the fields that go there."""
    return tuple(one.name for one in fields(event) if part in getattr(one.type, "__metadata__", ()))


def _actor(event: Event, operator: str) -> str:
    match event.by:
        case By.PERSON:
            assert event.subject is not None
            return str(event.subject)
        case By.OPERATOR:
            assert operator
            return operator
        case By.GATEWAY:
            return _GATEWAY
        case By.ANONYMOUS:
            return ""
        case By.APP:
            assert isinstance(event, AppEvent)
            return f"client:{event.client}"
        case By.SEVERAL:
            raise AssertionError(f"{event.kind.value} does not say who acts")


def _values(event: Event, part: Part) -> Mapping[str, object]:
    given = ((name, getattr(event, name)) for name in names(type(event), part))
    return {name: value for name, value in given if value is not None}
