"""The catalogue of events: what the audit log can tell, who did it, which fields are personal, what it means.

The names of fields are in stored entries: they never change. A new kind is a class here or in a module beside it, and a
value in Kind.
"""

from dataclasses import dataclass, fields
from typing import Final

from gateway.core.audit.access_events import AccessDenied, AttemptsCounted, CookieDoubled
from gateway.core.audit.admin_events import (
    AdminEntered,
    EmergencyBegun,
    EmergencyEnded,
    RoleGranted,
    RoleRevoked,
    SettingChanged,
    SettingExpired,
)
from gateway.core.audit.admin_token_events import AdminTokenCreated, AdminTokenRevoked
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
from gateway.core.audit.compliance_events import (
    ControlExcepted,
    ControlsRun,
    ReviewDecided,
    ReviewFinished,
    ReviewStarted,
)
from gateway.core.audit.delivery_events import (
    DeliveriesReplayed,
    DeliveryDead,
    EndpointAdded,
    EndpointChanged,
    EndpointPaused,
    EndpointRemoved,
)
from gateway.core.audit.document_events import (
    DocumentAccepted,
    DocumentDeclined,
    DocumentPublished,
    DocumentRetired,
    DocumentWithdrawn,
    RetentionApproved,
    RetentionRan,
    RetentionStopped,
)
from gateway.core.audit.entries import Kind
from gateway.core.audit.event import (
    About,
    By,
    Digest,
    Event,
    Family,
    Id,
    Number,
    OurWord,
    Part,
    Sealed,
    Severity,
)
from gateway.core.audit.evidence_events import (
    AuditExported,
    AuditRead,
    AuditVerified,
    BackupMade,
    BackupVerified,
    CheckpointKeyMade,
    LicenceInstalled,
    Restored,
    RestoreFinished,
)
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
    KeyRotationBegun,
    KeyRotationDone,
    SigningKeyCompromised,
    SigningKeyCreated,
    SigningKeyExported,
    SigningKeyRetired,
)
from gateway.core.audit.lockout_events import Locked, Unlocked
from gateway.core.audit.login_events import (
    LoggedOut,
    LoginBlocked,
    LoginReleased,
    PasswordDisabled,
    PasswordDoubted,
    SessionEnded,
    SessionOpened,
)
from gateway.core.audit.people_events import (
    GroupsChanged,
    PasswordChanged,
    PersonViewed,
    SessionsEnded,
    UserAdded,
    UserChanged,
    UserDisabled,
    UserEnabled,
)
from gateway.core.audit.privacy_events import (
    DataExported,
    ErasureAsked,
    ErasureWithdrawn,
    HoldAdded,
    HoldLifted,
    UserErased,
)
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


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    """amr: how it was proven. score, factors: as LoginFailed has them. breach: clear, found or not_checked."""

    kind = Kind.LOGIN
    about = About(
        Family.SIGNING_IN,
        Severity.INFORMATIONAL,
        By.PERSON,
        "A person logged in; `amr` says how. `score` and `factors` are its [risk score](risk.md), `breach` says whether"
        " the password is [breached](passwords.md#check-for-breached-passwords): `clear`, `found` or `not_checked`.",
        'bastion_logins_total{outcome="accepted"}',
    )

    login: Id[str]
    score: Number[int | None] = None
    factors: OurWord[tuple[str, ...] | None] = None
    breach: OurWord[str | None] = None
    address: Sealed[str | None] = None
    user_agent: Sealed[str | None] = None
    amr: OurWord[tuple[str, ...] | None] = None


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

    unknown_name: Digest[str | None]
    address: Sealed[str]
    user_agent: Sealed[str]
    login: Id[str | None] = None
    score: Number[int | None] = None
    factors: OurWord[tuple[str, ...] | None] = None
    why: OurWord[str | None] = None


CATALOGUE: Final[tuple[type[Event], ...]] = (
    LoggedIn,
    SessionOpened,
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
    PersonViewed,
    AccessDenied,
    CookieDoubled,
    AttemptsCounted,
    PolicyLoaded,
    PolicyNotLoaded,
    ConfigLoaded,
    UnknownNamesRenewed,
    DeliveryDead,
    EndpointAdded,
    EndpointChanged,
    EndpointRemoved,
    EndpointPaused,
    DeliveriesReplayed,
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
    KeyRotationBegun,
    KeyRotationDone,
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
    AuditRead,
    AuditExported,
    AuditVerified,
    CheckpointKeyMade,
    LicenceInstalled,
    BackupMade,
    BackupVerified,
    Restored,
    RestoreFinished,
    ErasureAsked,
    ErasureWithdrawn,
    UserErased,
    HoldAdded,
    HoldLifted,
    DataExported,
    AdminEntered,
    RoleGranted,
    RoleRevoked,
    AdminTokenCreated,
    AdminTokenRevoked,
    SettingChanged,
    SettingExpired,
    EmergencyBegun,
    EmergencyEnded,
    DocumentPublished,
    DocumentRetired,
    DocumentAccepted,
    DocumentDeclined,
    DocumentWithdrawn,
    RetentionApproved,
    RetentionRan,
    RetentionStopped,
    ControlsRun,
    ControlExcepted,
    ReviewStarted,
    ReviewDecided,
    ReviewFinished,
    FactorResetAnnounced,
    FactorResetStopped,
)


def names(event: type[Event], part: Part) -> tuple[str, ...]:
    """Of the fields that go there."""
    return tuple(one.name for one in fields(event) if part in getattr(one.type, "__metadata__", ()))
