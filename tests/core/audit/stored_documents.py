"""What stored entries of documents, answers and retention say: a part of stored.py."""

from typing import Final
from uuid import UUID

from gateway.core.audit import compliance_events, document_events
from gateway.core.audit.event import Event

ADA: Final = UUID(int=1)
DOCUMENTS: Final[list[tuple[Event, str, tuple[str, UUID | None, str, str]]]] = [
    (
        document_events.DocumentPublished(None, "terms", "2026-12", ("en",), ("ab",), 5),
        "document_published",
        (
            "cli:root",
            None,
            '{"digests":["ab"],"document":"terms","languages":["en"],"required_from":5,"version":"2026-12"}',
            "{}",
        ),
    ),
    (
        document_events.DocumentRetired(None, "terms", "2026-12"),
        "document_retired",
        ("cli:root", None, '{"document":"terms","version":"2026-12"}', "{}"),
    ),
    (
        document_events.DocumentAccepted(ADA, "terms", "2026-12", "en", "ab", "l", "192.0.2.7", "curl"),
        "document_accepted",
        (
            str(ADA),
            ADA,
            '{"digest":"ab","document":"terms","language":"en","login":"l","version":"2026-12"}',
            '{"address":"192.0.2.7","user_agent":"curl"}',
        ),
    ),
    (
        document_events.DocumentDeclined(ADA, "terms", "2026-12", "en", "ab", "l", "192.0.2.7", "curl"),
        "document_declined",
        (
            str(ADA),
            ADA,
            '{"digest":"ab","document":"terms","language":"en","login":"l","version":"2026-12"}',
            '{"address":"192.0.2.7","user_agent":"curl"}',
        ),
    ),
    (
        document_events.DocumentWithdrawn(ADA, "terms", "2026-12", "en", "ab", "l", "192.0.2.7", "curl"),
        "document_withdrawn",
        (
            str(ADA),
            ADA,
            '{"digest":"ab","document":"terms","language":"en","login":"l","version":"2026-12"}',
            '{"address":"192.0.2.7","user_agent":"curl"}',
        ),
    ),
    (
        document_events.RetentionRan(None, "ended_logins", 3, 5),
        "retention_ran",
        ("gateway", None, '{"rule":"ended_logins","taken":3,"until":5}', "{}"),
    ),
    (
        document_events.RetentionStopped(None, "ended_logins", "clock"),
        "retention_stopped",
        ("gateway", None, '{"rule":"ended_logins","why":"clock"}', "{}"),
    ),
    (
        compliance_events.ControlsRun(None, 3, "ab", 20, 2, 1),
        "controls_run",
        ("gateway", None, '{"digest":"ab","failed":2,"passed":20,"run":3,"unknown":1}', "{}"),
    ),
    (
        compliance_events.ControlExcepted(None, "backup-age", 5),
        "control_excepted",
        ("cli:root", None, '{"control":"backup-age","ends_at":5}', "{}"),
    ),
    (
        compliance_events.ReviewStarted(None, 1, "ops", "v", 4, 5),
        "review_started",
        ("cli:root", None, '{"due_at":5,"group":"ops","lines":4,"policy":"v","review":1}', "{}"),
    ),
    (
        compliance_events.ReviewDecided(ADA, 1, "keep", "r"),
        "review_decided",
        ("cli:root", ADA, '{"decision":"keep","review":1,"reviewer":"r"}', "{}"),
    ),
    (
        compliance_events.ReviewFinished(None, 1, 3, 1),
        "review_finished",
        ("cli:root", None, '{"kept":3,"removed":1,"review":1}', "{}"),
    ),
    (
        document_events.RetentionStopped(None, "inactive", "brake", 30),
        "retention_stopped",
        ("gateway", None, '{"rule":"inactive","wanted":30,"why":"brake"}', "{}"),
    ),
    (
        document_events.RetentionApproved(None, "inactive", 30),
        "retention_approved",
        ("cli:root", None, '{"rule":"inactive","wanted":30}', "{}"),
    ),
]
