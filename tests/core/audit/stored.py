"""Events of every kind, and what stored entries have always said of them."""

from typing import Final
from uuid import UUID

from gateway.core.audit import (
    catalogue,
    lockout_events,
    login_events,
    people_events,
    recovery_events,
)
from gateway.core.audit.event import Event
from tests.core.audit.stored_documents import ADA
from tests.core.audit.stored_evidence import EVIDENCE

# Kind, then actor, subject, detail and personal, as every version has written them; but since the texts of policy,
# configuration and clients are sealed (E1) they stand in personal, and a hand-off has a kind of its own (E13).
STORED: Final[list[tuple[Event, str, tuple[str, UUID | None, str, str]]]] = [
    (
        catalogue.LoggedIn(ADA, "L", address="203.0.113.7", user_agent=""),
        "login",
        (str(ADA), ADA, '{"login":"L"}', '{"address":"203.0.113.7","user_agent":""}'),
    ),
    (
        login_events.SessionOpened(ADA, "L", "wiki.example.org"),
        "session_opened",
        (str(ADA), ADA, '{"host":"wiki.example.org","login":"L"}', "{}"),
    ),
    (
        catalogue.LoggedIn(ADA, "L", score=35, factors=("new_device", "new_ip"), address="", user_agent=""),
        "login",
        (
            str(ADA),
            ADA,
            '{"factors":["new_device","new_ip"],"login":"L","score":35}',
            '{"address":"","user_agent":""}',
        ),
    ),
    (
        catalogue.LoginFailed(ADA, None, "", "curl", score=0, factors=()),
        "login_failed",
        ("", ADA, '{"factors":[],"score":0}', '{"address":"","user_agent":"curl"}'),
    ),
    (
        catalogue.LoginFailed(None, "mark", "", "curl"),
        "login_failed",
        ("", None, '{"unknown_name":"mark"}', '{"address":"","user_agent":"curl"}'),
    ),
    (
        catalogue.LoginFailed(ADA, None, "203.0.113.7", "curl"),
        "login_failed",
        ("", ADA, "{}", '{"address":"203.0.113.7","user_agent":"curl"}'),
    ),
    (
        login_events.LoginReleased(ADA, "203.0.113.7", "curl"),
        "login_released",
        (str(ADA), ADA, "{}", '{"address":"203.0.113.7","user_agent":"curl"}'),
    ),
    (
        login_events.PasswordDisabled(ADA, "breached", "203.0.113.7", "curl"),
        "password_disabled",
        ("gateway", ADA, '{"why":"breached"}', '{"address":"203.0.113.7","user_agent":"curl"}'),
    ),
    (
        login_events.PasswordDoubted(ADA, "abandoned"),
        "password_doubted",
        ("gateway", ADA, '{"why":"abandoned"}', "{}"),
    ),
    (
        login_events.LoginBlocked(ADA, "breached", 40, ("breached",), "203.0.113.7", "curl"),
        "login_blocked",
        (
            "",
            ADA,
            '{"factors":["breached"],"reason":"breached","score":40}',
            '{"address":"203.0.113.7","user_agent":"curl"}',
        ),
    ),
    (
        catalogue.LoginFailed(ADA, None, "", "", why="locked"),
        "login_failed",
        ("", ADA, '{"why":"locked"}', '{"address":"","user_agent":""}'),
    ),
    (
        lockout_events.Locked(ADA, "password", "strange", 5, "203.0.113.7", "curl"),
        "locked",
        (
            "gateway",
            ADA,
            '{"device":"strange","proving":"password","until":5}',
            '{"address":"203.0.113.7","user_agent":"curl"}',
        ),
    ),
    (
        lockout_events.Unlocked(ADA, ("password strange",)),
        "unlocked",
        ("cli:root", ADA, '{"locks":["password strange"]}', "{}"),
    ),
    (login_events.LoggedOut(ADA, "L"), "logout", (str(ADA), ADA, '{"login":"L"}', "{}")),
    (recovery_events.DeviceForgotten(ADA, "network"), "device_forgotten", (str(ADA), ADA, '{"what":"network"}', "{}")),
    (login_events.SessionEnded(ADA, "L"), "session_ended", (str(ADA), ADA, '{"login":"L"}', "{}")),
    (
        people_events.UserAdded(ADA, ("staff",), "ada", "Ada", ""),
        "user_added",
        ("cli:root", ADA, '{"groups":["staff"]}', '{"email":"","name":"Ada","username":"ada"}'),
    ),
    (people_events.UserDisabled(ADA, ("L", "M")), "user_disabled", ("cli:root", ADA, '{"logins":["L","M"]}', "{}")),
    (people_events.UserEnabled(ADA), "user_enabled", ("cli:root", ADA, "{}", "{}")),
    (people_events.PasswordChanged(ADA, ()), "password_changed", ("cli:root", ADA, '{"logins":[]}', "{}")),
    (
        recovery_events.PasswordResetAsked(None, "unknown", "mark", "203.0.113.7", "curl"),
        "password_reset_asked",
        ("", None, '{"outcome":"unknown","unknown_name":"mark"}', '{"address":"203.0.113.7","user_agent":"curl"}'),
    ),
    (
        recovery_events.PasswordReset(ADA, ("L",), "203.0.113.7", "curl"),
        "password_reset",
        (str(ADA), ADA, '{"logins":["L"]}', '{"address":"203.0.113.7","user_agent":"curl"}'),
    ),
    (
        recovery_events.Disowned(ADA, ("L",), "203.0.113.7", "curl"),
        "disowned",
        (str(ADA), ADA, '{"logins":["L"]}', '{"address":"203.0.113.7","user_agent":"curl"}'),
    ),
    (recovery_events.UserInvited(ADA), "user_invited", ("cli:root", ADA, "{}", "{}")),
    (
        recovery_events.UserImported(ADA, "bcrypt", "active", ("staff",), "ada", "Ada Lovelace", "ada@example.org"),
        "user_imported",
        (
            "cli:root",
            ADA,
            '{"groups":["staff"],"scheme":"bcrypt","state":"active"}',
            '{"email":"ada@example.org","name":"Ada Lovelace","username":"ada"}',
        ),
    ),
    (
        recovery_events.EmailAsked(ADA, "L", "ada@example.org"),
        "email_asked",
        (str(ADA), ADA, '{"login":"L"}', '{"after":"ada@example.org"}'),
    ),
    (
        people_events.GroupsChanged(ADA, ("staff",), ("ops", "staff")),
        "groups_changed",
        ("cli:root", ADA, '{"after":["ops","staff"],"before":["staff"]}', "{}"),
    ),
    (
        people_events.UserChanged(ADA, "email", "", "ada@example.org"),
        "user_changed",
        ("cli:root", ADA, '{"changed":"email"}', '{"after":"ada@example.org","before":""}'),
    ),
    (
        people_events.SessionsEnded(ADA, ("L",), "laptop stolen"),
        "sessions_ended",
        ("cli:root", ADA, '{"logins":["L"]}', '{"reason":"laptop stolen"}'),
    ),
    (people_events.PersonViewed(ADA), "person_viewed", ("cli:root", ADA, "{}", "{}")),
    *EVIDENCE,
]
