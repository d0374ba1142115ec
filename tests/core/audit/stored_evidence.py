"""What stored entries of the log itself, of privacy, of the console and of deliveries say: a part of stored.py."""

from typing import Final
from uuid import UUID

from gateway.core.audit import (
    access_events,
    admin_events,
    admin_token_events,
    app_events,
    catalogue,
    delivery_events,
    factor_events,
    key_events,
    privacy_events,
    settings_events,
)
from gateway.core.audit.event import Event
from tests.core.audit.stored_documents import ADA, DOCUMENTS
from tests.core.audit.stored_of_the_log import OF_THE_LOG

EVIDENCE: Final[list[tuple[Event, str, tuple[str, UUID | None, str, str]]]] = [
    (
        access_events.AccessDenied(ADA, "wiki/admin", "not allowed", 3),
        "access_denied",
        (str(ADA), ADA, '{"reason":"not allowed","route":"wiki/admin","times":3}', "{}"),
    ),
    (
        access_events.CookieDoubled(None, "wiki.example.org", "__Host-bastion", 2),
        "cookie_doubled",
        ("", None, '{"cookie":"__Host-bastion","host":"wiki.example.org","times":2}', "{}"),
    ),
    (
        access_events.AttemptsCounted(None, "csrf", "auth.example.org", 2),
        "attempts_counted",
        ("", None, '{"host":"auth.example.org","reason":"csrf","times":2}', "{}"),
    ),
    (
        settings_events.PolicyLoaded(None, "v2", "", ("+x",)),
        "policy_loaded",
        ("gateway", None, '{"before":"","version":"v2"}', '{"diff":["+x"]}'),
    ),
    (
        settings_events.PolicyNotLoaded(None, "refused 1", ("a", "b")),
        "policy_refused",
        ("gateway", None, '{"version":"refused 1"}', '{"problems":["a","b"]}'),
    ),
    (
        settings_events.ConfigLoaded(None, "v", ("a",), ("a: 1",), ("+a: 1",)),
        "config_loaded",
        ("gateway", None, '{"changed":["a"],"version":"v"}', '{"diff":["+a: 1"],"settings":["a: 1"]}'),
    ),
    (settings_events.UnknownNamesRenewed(None), "unknown_names_renewed", ("gateway", None, "{}", "{}")),
    (
        delivery_events.DeliveryDead(None, "checkpoint", "somewhere"),
        "delivery_dead",
        ("gateway", None, '{"destination":"somewhere","message":"checkpoint"}', "{}"),
    ),
    (
        delivery_events.EndpointAdded(None, "ep_a", ("login", "family:people"), ("ordered",)),
        "endpoint_added",
        (
            "cli:root",
            None,
            '{"endpoint":"ep_a","events":["login","family:people"],"options":["ordered"]}',
            "{}",
        ),
    ),
    (
        delivery_events.EndpointChanged(None, "ep_a", "secret"),
        "endpoint_changed",
        ("cli:root", None, '{"changed":"secret","endpoint":"ep_a"}', "{}"),
    ),
    (
        delivery_events.EndpointRemoved(None, "ep_a"),
        "endpoint_removed",
        ("cli:root", None, '{"endpoint":"ep_a"}', "{}"),
    ),
    (
        delivery_events.EndpointPaused(None, "ep_a", "by_operator"),
        "endpoint_paused",
        ("cli:root", None, '{"endpoint":"ep_a","why":"by_operator"}', "{}"),
    ),
    (
        delivery_events.EndpointPaused(None, "ep_a", "gone"),
        "endpoint_paused",
        ("gateway", None, '{"endpoint":"ep_a","why":"gone"}', "{}"),
    ),
    (
        delivery_events.DeliveriesReplayed(None, "ep_a", 7),
        "deliveries_replayed",
        ("cli:root", None, '{"after":7,"endpoint":"ep_a"}', "{}"),
    ),
    (
        app_events.GrantIssued(ADA, "wiki", "G", "L", ("openid", "email"), "https://auth.example.org"),
        "grant_issued",
        (
            "client:wiki",
            ADA,
            '{"client":"wiki","grant":"G","login":"L","resource":"https://auth.example.org","scopes":["openid","email"]}',
            "{}",
        ),
    ),
    (
        app_events.GrantEnded(ADA, "wiki", "G", "revoked"),
        "grant_ended",
        ("client:wiki", ADA, '{"client":"wiki","grant":"G","why":"revoked"}', "{}"),
    ),
    (
        app_events.GrantEnded(ADA, "wiki", "G", "ended_by_operator"),
        "grant_ended",
        ("cli:root", ADA, '{"client":"wiki","grant":"G","why":"ended_by_operator"}', "{}"),
    ),
    (
        app_events.GrantEnded(None, "robot", "G", "policy"),
        "grant_ended",
        ("gateway", None, '{"client":"robot","grant":"G","why":"policy"}', "{}"),
    ),
    (
        app_events.AppConsentGiven(ADA, "wiki", ("openid", "notes.read"), "https://api.example.org"),
        "app_consent_given",
        (
            str(ADA),
            ADA,
            '{"client":"wiki","resource":"https://api.example.org","scopes":["openid","notes.read"]}',
            "{}",
        ),
    ),
    (
        app_events.CodeReused(ADA, "wiki", "G"),
        "code_reused",
        ("gateway", ADA, '{"client":"wiki","grant":"G"}', "{}"),
    ),
    (
        app_events.RefreshReused(ADA, "wiki", "G"),
        "refresh_reused",
        ("gateway", ADA, '{"client":"wiki","grant":"G"}', "{}"),
    ),
    (
        app_events.ClientAdded(None, "wiki", "d1", "{}", ("secret: set",)),
        "client_added",
        ("cli:root", None, '{"client":"wiki","digest":"d1"}', '{"diff":["secret: set"],"settings":"{}"}'),
    ),
    (
        app_events.ClientChanged(None, "wiki", "active", 2, ("name",), "d1", "{}", ("+name: x",)),
        "client_changed",
        (
            "cli:root",
            None,
            '{"changed":["name"],"client":"wiki","digest":"d1","state":"active","version":2}',
            '{"diff":["+name: x"],"settings":"{}"}',
        ),
    ),
    (
        app_events.ClientDisabled(None, "wiki"),
        "client_disabled",
        ("cli:root", None, '{"client":"wiki"}', "{}"),
    ),
    (
        app_events.ClientSecretRotated(None, "wiki", ("secret: changed",)),
        "client_secret_rotated",
        ("cli:root", None, '{"client":"wiki"}', '{"diff":["secret: changed"]}'),
    ),
    (
        app_events.GrantEnded(None, "robot", "G", "client_disabled"),
        "grant_ended",
        ("cli:root", None, '{"client":"robot","grant":"G","why":"client_disabled"}', "{}"),
    ),
    (
        app_events.ApiKeyCreated(ADA, "K", "made_by_operator", ("read",), ("h",), (), 5, "backup"),
        "api_key_created",
        (
            "cli:root",
            ADA,
            '{"expires_at":5,"hosts":["h"],"key":"K","scopes":["read"],"why":"made_by_operator"}',
            '{"name":"backup","networks":[]}',
        ),
    ),
    (
        app_events.ApiKeyRevoked(ADA, "K", "ended_by_operator"),
        "api_key_revoked",
        ("cli:root", ADA, '{"key":"K","why":"ended_by_operator"}', "{}"),
    ),
    (
        key_events.SigningKeyCreated(None, "K", "ES256", "rotation", 5),
        "signing_key_created",
        ("gateway", None, '{"active_from":5,"alg":"ES256","kid":"K","why":"rotation"}', "{}"),
    ),
    (
        key_events.SigningKeyCreated(None, "K", "ES256", "after_compromise", 5),
        "signing_key_created",
        ("cli:root", None, '{"active_from":5,"alg":"ES256","kid":"K","why":"after_compromise"}', "{}"),
    ),
    (
        key_events.SigningKeyRetired(None, "K", "ES256", "by_operator", 5),
        "signing_key_retired",
        ("cli:root", None, '{"alg":"ES256","kid":"K","retire_at":5,"why":"by_operator"}', "{}"),
    ),
    (
        key_events.KeyRotationBegun(None, "aaaaaaaa", "bbbbbbbb"),
        "key_rotation_begun",
        ("cli:root", None, '{"master":"aaaaaaaa","previous":"bbbbbbbb"}', "{}"),
    ),
    (
        key_events.KeyRotationDone(None, "aaaaaaaa"),
        "key_rotation_done",
        ("gateway", None, '{"master":"aaaaaaaa"}', "{}"),
    ),
    (
        key_events.SigningKeyExported(None, "K", "ES256", "by_operator"),
        "signing_key_exported",
        ("cli:root", None, '{"alg":"ES256","kid":"K","why":"by_operator"}', "{}"),
    ),
    (
        key_events.SigningKeyCompromised(None, "K", "ES256", "remembered"),
        "signing_key_compromised",
        ("gateway", None, '{"alg":"ES256","kid":"K","why":"remembered"}', "{}"),
    ),
    (
        catalogue.LoggedIn(ADA, "L", address="", user_agent="curl", amr=("pwd", "otp", "mfa"), score=20),
        "login",
        (str(ADA), ADA, '{"amr":["pwd","otp","mfa"],"login":"L","score":20}', '{"address":"","user_agent":"curl"}'),
    ),
    (
        factor_events.LoginStepUp(ADA, ("totp",), "203.0.113.7", "curl"),
        "login_step_up",
        ("", ADA, '{"factors":["totp"]}', '{"address":"203.0.113.7","user_agent":"curl"}'),
    ),
    (factor_events.LoginAbandoned(ADA, "expired"), "login_abandoned", ("", ADA, '{"why":"expired"}', "{}")),
    (
        factor_events.SteppedUp(ADA, "L", ("pwd", "otp", "mfa"), "", "curl"),
        "step_up",
        (str(ADA), ADA, '{"amr":["pwd","otp","mfa"],"login":"L"}', '{"address":"","user_agent":"curl"}'),
    ),
    (
        factor_events.FactorFailed(ADA, "login", "", "curl"),
        "factor_failed",
        ("", ADA, '{"step":"login"}', '{"address":"","user_agent":"curl"}'),
    ),
    (factor_events.FactorAdded(ADA, "totp"), "factor_added", (str(ADA), ADA, '{"factor":"totp"}', "{}")),
    (
        factor_events.FactorRemoved(ADA, "totp", "by_operator", "phone lost"),
        "factor_removed",
        ("cli:root", ADA, '{"factor":"totp","why":"by_operator"}', '{"reason":"phone lost"}'),
    ),
    (
        factor_events.PasskeySuspended(ADA, 7, 7),
        "passkey_suspended",
        ("gateway", ADA, '{"before":7,"now":7}', "{}"),
    ),
    (factor_events.RecoveryCodesMade(ADA), "recovery_codes_made", (str(ADA), ADA, "{}", "{}")),
    (
        factor_events.RecoveryCodeUsed(ADA, "recovery", 9),
        "recovery_code_used",
        (str(ADA), ADA, '{"code":"recovery","left":9}', "{}"),
    ),
    (
        factor_events.OperatorCodeMade(ADA, 5, "phone lost"),
        "operator_code_made",
        ("cli:root", ADA, '{"expires_at":5}', '{"reason":"phone lost"}'),
    ),
    (
        privacy_events.ErasureAsked(ADA, None, 5),
        "erasure_asked",
        ("cli:root", ADA, '{"due_at":5}', "{}"),
    ),
    (privacy_events.ErasureWithdrawn(ADA, None), "erasure_withdrawn", ("cli:root", ADA, "{}", "{}")),
    (
        privacy_events.UserErased(ADA, ("l",), "asked"),
        "user_erased",
        ("cli:root", ADA, '{"logins":["l"],"reason":"asked"}', "{}"),
    ),
    (
        privacy_events.UserErased(ADA, (), "asked", "due"),
        "user_erased",
        ("gateway", ADA, '{"logins":[],"reason":"asked","why":"due"}', "{}"),
    ),
    (
        privacy_events.HoldAdded(ADA, 1, 5, "lawsuit"),
        "hold_added",
        ("cli:root", ADA, '{"ends_at":5,"hold":1}', '{"reason":"lawsuit"}'),
    ),
    (privacy_events.HoldLifted(ADA, 1), "hold_lifted", ("cli:root", ADA, '{"hold":1}', "{}")),
    (privacy_events.DataExported(ADA, None), "data_exported", ("cli:root", ADA, "{}", "{}")),
    (
        admin_events.AdminEntered(ADA, "l", "owner", "192.0.2.7"),
        "admin_entered",
        (str(ADA), ADA, '{"login":"l","role":"owner"}', '{"address":"192.0.2.7"}'),
    ),
    (
        admin_events.RoleGranted(ADA, None, "owner", 5, "first"),
        "role_granted",
        ("cli:root", ADA, '{"after":"owner","until":5}', '{"reason":"first"}'),
    ),
    (
        admin_events.RoleRevoked(ADA, "owner", "left"),
        "role_revoked",
        ("cli:root", ADA, '{"before":"owner"}', '{"reason":"left"}'),
    ),
    (
        admin_token_events.AdminTokenCreated(ADA, "AAAA", "auditor", 9, ("192.0.2.0/24",), "backup"),
        "admin_token_created",
        (
            "cli:root",
            ADA,
            '{"expires_at":9,"role":"auditor","token":"AAAA"}',
            '{"networks":["192.0.2.0/24"],"reason":"backup"}',
        ),
    ),
    (
        admin_token_events.AdminTokenRevoked(ADA, "AAAA", "left"),
        "admin_token_revoked",
        ("cli:root", ADA, '{"token":"AAAA"}', '{"reason":"left"}'),
    ),
    (
        admin_events.SettingChanged(
            None, "limits.X", "10/min;burst=5", "20/min;burst=9", "10/min;burst=5", None, 7, "y"
        ),
        "setting_changed",
        (
            "cli:root",
            None,
            '{"after":"20/min;burst=9","before":"10/min;burst=5","file":"10/min;burst=5","revision":7,"setting":"limits.X"}',
            '{"reason":"y"}',
        ),
    ),
    (
        admin_events.SettingExpired(None, "limits.X", "20/min;burst=9", 8),
        "setting_expired",
        ("gateway", None, '{"before":"20/min;burst=9","revision":8,"setting":"limits.X"}', "{}"),
    ),
    (
        admin_events.EmergencyBegun(None, "close", "wiki", 1_790_000_000, 9, "Back at noon.", "y"),
        "emergency_begun",
        (
            "cli:root",
            None,
            '{"named":"wiki","revision":9,"until":1790000000,"what":"close"}',
            '{"reason":"y","words":"Back at noon."}',
        ),
    ),
    (
        admin_events.EmergencyEnded(None, "end-sessions", "all", "done", 10, 3, None),
        "emergency_ended",
        ("gateway", None, '{"named":"all","revision":10,"sessions":3,"what":"end-sessions","why":"done"}', "{}"),
    ),
    (
        factor_events.FactorResetAnnounced(ADA, "phone lost"),
        "factor_reset_announced",
        ("cli:root", ADA, "{}", '{"reason":"phone lost"}'),
    ),
    (
        factor_events.FactorResetStopped(ADA, "undelivered"),
        "factor_reset_stopped",
        ("gateway", ADA, '{"why":"undelivered"}', "{}"),
    ),
    *DOCUMENTS,
    *OF_THE_LOG,
]
