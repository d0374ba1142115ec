"""Writes and reads links of the audit log as JSON Lines, so that the chain can be verified far from its database.

Exported files have this layout: fields may be added, and never change their meaning.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from gateway.core.audit.chain import Link, Stored
from gateway.core.audit.entries import canonical
from gateway.core.errors import GatewayError


class BadLine(GatewayError):
    """No link of the audit log; the message says why."""


def jsonl(link: Link, readable: Mapping[str, object] | None = None) -> str:
    """One object without its line's end, in ASCII. detail and personal are what was hashed, to the byte.

    readable: the opened personal part. The hash does not cover it, so a reader takes it on the exporter's word.
    """
    entry = link.entry
    values: dict[str, object] = {
        "position": link.position,
        "prev_hash": link.prev_hash.hex(),
        "hash": link.hash.hex(),
        "id": entry.id,
        "kind": entry.kind,
        "at": entry.at,
        "actor": entry.actor,
        "subject": None if entry.subject is None else str(entry.subject),
        "detail": entry.detail,
        "personal": b64encode(entry.personal).decode(),
        "request_id": entry.request_id,
    }
    if readable is not None:
        values["readable"] = dict(readable)
    return canonical(values)


def read_jsonl(line: str | bytes) -> Link:
    """Fields that it does not know are passed over. Raises BadLine."""
    try:
        found = json.loads(line)
        subject = found["subject"]
        entry = Stored(
            id=_number(found["id"]),
            kind=_text(found["kind"]),
            at=_number(found["at"]),
            actor=_text(found["actor"]),
            subject=None if subject is None else UUID(_text(subject)),
            detail=_text(found["detail"]),
            personal=b64decode(_text(found["personal"]), validate=True),
            request_id=_text(found["request_id"]),
        )
        hashes = (bytes.fromhex(_text(found[name])) for name in ("prev_hash", "hash"))
        return Link(_position(found["position"]), entry, *hashes)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadLine("is no link of the audit log") from error


def _position(value: Any) -> int:
    """The chain hashes it as 8 bytes."""
    if not 0 < _number(value) < 1 << 63:
        raise ValueError("is no position")
    return _number(value)


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("is no whole number")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("is no text")
    return value
