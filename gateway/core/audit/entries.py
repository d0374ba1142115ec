"""What happened, who did it and to whom: the words of the audit log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID


class Kind(Enum):
    """The values are in stored entries: they never change."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGIN_BLOCKED = "login_blocked"
    LOGIN_RELEASED = "login_released"
    PASSWORD_DOUBTED = "password_doubted"
    PASSWORD_DISABLED = "password_disabled"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    USER_ADDED = "user_added"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET_ASKED = "password_reset_asked"
    PASSWORD_RESET = "password_reset"
    DISOWNED = "disowned"
    USER_INVITED = "user_invited"
    USER_IMPORTED = "user_imported"
    EMAIL_ASKED = "email_asked"
    GROUPS_CHANGED = "groups_changed"
    USER_CHANGED = "user_changed"
    SESSIONS_ENDED = "sessions_ended"
    POLICY_LOADED = "policy_loaded"
    POLICY_REFUSED = "policy_refused"
    CONFIG_LOADED = "config_loaded"
    ACCESS_DENIED = "access_denied"
    COOKIE_DOUBLED = "cookie_doubled"
    UNKNOWN_NAMES_RENEWED = "unknown_names_renewed"
    DELIVERY_DEAD = "delivery_dead"
    APP_CONSENT_GIVEN = "app_consent_given"
    GRANT_ISSUED = "grant_issued"
    GRANT_ENDED = "grant_ended"
    CODE_REUSED = "code_reused"
    REFRESH_REUSED = "refresh_reused"
    CLIENT_ADDED = "client_added"
    CLIENT_CHANGED = "client_changed"
    CLIENT_DISABLED = "client_disabled"
    CLIENT_SECRET_ROTATED = "client_secret_rotated"
    API_KEY_CREATED = "api_key_created"
    API_KEY_REVOKED = "api_key_revoked"
    SIGNING_KEY_CREATED = "signing_key_created"
    SIGNING_KEY_RETIRED = "signing_key_retired"
    SIGNING_KEY_COMPROMISED = "signing_key_compromised"
    SIGNING_KEY_EXPORTED = "signing_key_exported"
    DEVICE_FORGOTTEN = "device_forgotten"
    LOGIN_STEP_UP = "login_step_up"
    LOGIN_ABANDONED = "login_abandoned"
    STEP_UP = "step_up"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    PASSKEY_SUSPENDED = "passkey_suspended"
    FACTOR_FAILED = "factor_failed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    OPERATOR_CODE_MADE = "operator_code_made"
    FACTOR_RESET_ANNOUNCED = "factor_reset_announced"
    FACTOR_RESET_STOPPED = "factor_reset_stopped"


@dataclass(frozen=True, slots=True)
class Entry:
    """at: Unix seconds. actor: a user id, `cli:<operating system user>`, `client:<id>` of an app, `gateway`, or "" for
    a stranger.

    catalogue.py makes it. detail stays readable for ever, so it holds ids and no personal words; personal is sealed
    under the subject's data key and becomes unreadable when the subject is erased.
    """

    kind: Kind
    at: int
    actor: str
    subject: UUID | None
    detail: Mapping[str, object]
    personal: Mapping[str, str]
    request_id: str


def canonical(values: Mapping[str, object]) -> str:
    """One text for one value: keys sorted, no spaces, ASCII only. Stored entries have it, so it can't change."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
