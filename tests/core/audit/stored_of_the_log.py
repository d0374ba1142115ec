"""As stored_evidence.py, of the log itself and of backups."""

from typing import Final
from uuid import UUID

from gateway.core.audit import evidence_events
from gateway.core.audit.event import Event

ADA: Final = UUID(int=1)

OF_THE_LOG: Final[list[tuple[Event, str, tuple[str, UUID | None, str, str]]]] = [
    (
        evidence_events.AuditRead(ADA, ("subject",), 3, "{}"),
        "audit_read",
        ("cli:root", ADA, '{"entries":3,"filters":["subject"]}', '{"query":"{}"}'),
    ),
    (
        evidence_events.AuditExported(None, "jsonl", 1, 9),
        "audit_exported",
        ("cli:root", None, '{"first":1,"format":"jsonl","last":9}', "{}"),
    ),
    (
        evidence_events.AuditVerified(None, "whole", "same", 9, "00ff", 2),
        "audit_verified",
        ("cli:root", None, '{"checkpoints":2,"head":"00ff","outcome":"whole","tables":"same","up_to":9}', "{}"),
    ),
    (
        evidence_events.CheckpointKeyMade(None, "K", "P"),
        "checkpoint_key_made",
        ("gateway", None, '{"key":"K","public":"P"}', "{}"),
    ),
    (
        evidence_events.BackupMade(None, "B", 7, 0),
        "backup_made",
        ("cli:root", None, '{"backup":"B","removed":0,"up_to":7}', "{}"),
    ),
    (
        evidence_events.BackupVerified(None, "B", 7),
        "backup_verified",
        ("cli:root", None, '{"backup":"B","up_to":7}', "{}"),
    ),
    (
        evidence_events.Restored(None, "R", "B", 7, 9, 1),
        "restored",
        ("cli:root", None, '{"backup":"B","erased":1,"lost_to":9,"restore":"R","up_to":7}', "{}"),
    ),
    (
        evidence_events.RestoreFinished(None, ("K",)),
        "restore_finished",
        ("cli:root", None, '{"keys":["K"]}', "{}"),
    ),
    (
        evidence_events.LicenceInstalled(None, 50, 1, 2),
        "licence_installed",
        ("cli:root", None, '{"begins_at":1,"ends_at":2,"people":50}', "{}"),
    ),
]
