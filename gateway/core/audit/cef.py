"""Writes links of the audit log in the Common Event Format, version 0, for log collectors that take nothing else."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.core.audit.catalogue import CATALOGUE
from gateway.core.audit.chain import Link
from gateway.core.audit.entries import canonical
from gateway.core.audit.event import Severity

_SEVERITIES: Final[Mapping[Severity, int]] = {Severity.INFORMATIONAL: 1, Severity.LOW: 3, Severity.MEDIUM: 6}
_BY_KIND: Final = {event.kind.value: _SEVERITIES[event.about.severity] for event in CATALOGUE}
_UNKNOWN: Final = 3  # a kind of another version
_LAYOUT: Final = "1"  # in place of a version of the product: it grows when a key below changes its meaning
_HEADER: Final = {"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " "}
_VALUE: Final = {"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"}


def cef(link: Link, readable: Mapping[str, object] | None = None) -> str:
    """One line without its end. readable: as jsonl() has it."""
    kind = link.entry.kind
    severity = str(_BY_KIND.get(kind, _UNKNOWN))
    header = ("CEF:0", "Bastion", "Bastion", _LAYOUT, kind, kind.replace("_", " "), severity)
    extension = " ".join(f"{key}={_escaped(value, _VALUE)}" for key, value in _fields(link, readable))
    return "|".join([*(_escaped(field, _HEADER) for field in header), extension])


def _fields(link: Link, readable: Mapping[str, object] | None) -> Iterator[tuple[str, str]]:
    """Keys of the format's dictionary, and custom strings with their labels. What is empty is left out."""
    entry = link.entry
    known = {
        "rt": str(entry.at * 1000),
        "externalId": str(link.position),
        "suid": entry.actor,
        "duid": "" if entry.subject is None else str(entry.subject),
        "src": str((readable or {}).get("address", "")),
        "requestClientApplication": str((readable or {}).get("user_agent", "")),
    }
    custom = {
        "hash": link.hash.hex(),
        "requestId": entry.request_id,
        "detail": entry.detail,
        "personal": canonical(readable) if readable else "",
    }
    yield from ((key, value) for key, value in known.items() if value)
    for number, (label, value) in enumerate(custom.items(), 1):
        if value:
            yield f"cs{number}Label", label
            yield f"cs{number}", value


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    """One line of printable text: whatever else could end it, or speak to a terminal, is written out as in Python."""
    return "".join(escapes.get(one) or (one if one.isprintable() else _written_out(one)) for one in text)


def _written_out(character: str) -> str:
    return "\\" + character.encode("unicode_escape").decode()
