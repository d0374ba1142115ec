"""Links entries by hashes, so that none can be changed, taken out or moved without the rest telling."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.audit.entries import canonical

GENESIS: Final = bytes(32)
_LABEL: Final = b"bastion/audit/v1\0"
_NUMBER_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as the table has it. detail: canonical JSON text. personal: ciphertext, b"" where there is none."""

    id: int
    kind: str
    at: int
    actor: str
    subject: UUID | None
    detail: str
    personal: bytes
    request_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """position counts from 1 without gaps; prev_hash of the first is GENESIS."""

    position: int
    entry: Stored
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The last link; position 0 and GENESIS before the first."""

    position: int
    hash: bytes


def link(prev_hash: bytes, position: int, entry: Stored) -> Link:
    """SHA-256 over label, previous hash, position and the canonical text of all columns of the entry."""
    values = {
        "id": entry.id,
        "kind": entry.kind,
        "at": entry.at,
        "actor": entry.actor,
        "subject": None if entry.subject is None else str(entry.subject),
        "detail": entry.detail,
        "personal": b64encode(entry.personal).decode(),
        "request_id": entry.request_id,
    }
    material = _LABEL + prev_hash + position.to_bytes(_NUMBER_BYTES, "big") + canonical(values).encode()
    return Link(position, entry, prev_hash, hashlib.sha256(material).digest())


def chain(prev_hash: bytes, position: int, entries: Iterable[Stored]) -> list[Link]:
    """Links for entries in this order. position: of the last link before them, 0 where there is none."""
    links: list[Link] = []
    for entry in entries:
        position += 1
        links.append(link(prev_hash, position, entry))
        prev_hash = links[-1].hash
    return links


def first_fault(prev_hash: bytes, position: int, links: Iterable[Link]) -> str | None:
    """None: all of them follow on what was before. Otherwise what is wrong with the first that doesn't."""
    for found in links:
        position += 1
        if found.position != position:
            return f"position {position} is missing: the next is {found.position}"
        if found.prev_hash != prev_hash:
            return f"position {position} does not follow on the entry before it"
        if link(prev_hash, position, found.entry).hash != found.hash:
            return f"position {position} (entry {found.entry.id}) was changed after it was linked"
        prev_hash = found.hash
    return None
