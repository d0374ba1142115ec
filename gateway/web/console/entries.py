"""An entry of the audit log as the console shows it."""

from collections.abc import Mapping

from gateway.flows.evidence.audit_entries import Listed
from gateway.web.account import ago, iso
from gateway.web.text import shown


def line_of(entry: Listed, now: int) -> Mapping[str, object]:
    """now: Unix seconds."""
    parts = [(name, _text(value)) for name, value in {**entry.detail, **entry.personal}.items()]
    return {
        "id": entry.id,
        "position": entry.position,
        "kind": entry.kind,
        "at": ago(now - entry.at),
        "at_iso": iso(entry.at),
        "actor": shown(entry.actor) or "a stranger",
        "subject": shown(entry.subject),
        "fields": [(name, text) for name, text in parts if text],
        "unreadable": entry.unreadable,
        "request_id": entry.request_id,
    }


def _text(value: object) -> str:
    if value is None or value == "":
        return ""
    return shown(", ".join(map(str, value)) if isinstance(value, list) else str(value))
