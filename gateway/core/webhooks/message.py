"""Owns the messages of webhooks, in the format of Standard Webhooks (https://www.standardwebhooks.com)."""

import hashlib
import hmac
import json
from base64 import b32encode, b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.core.audit.chain import Stored
from gateway.core.audit.entries import canonical
from gateway.core.webhooks.endpoint import key_of

_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Which link of the audit log an endpoint is to get: all that the outbox holds of a message.

    Positions are given anew after a restore, so the hash is what names the link (evidence.md 5).
    """

    endpoint_id: str
    position: int
    hash: bytes

    def written(self) -> bytes:
        values = {"endpoint": self.endpoint_id, "position": self.position, "hash": self.hash.hex()}
        return canonical(values).encode()

    @classmethod
    def read(cls, text: str) -> "Place":
        values = json.loads(text)
        return cls(values["endpoint"], values["position"], bytes.fromhex(values["hash"]))

    @property
    def message_id(self) -> str:
        """The same at each attempt."""
        return f"ev_{b32encode(self.hash[:_ID_BYTES]).decode().lower().rstrip('=')}"


def body_of(entry: Stored, position: int, personal: Mapping[str, object] | None) -> bytes:
    """Ids and no personal words, unless personal has them; None: it is not for this endpoint."""
    data = {
        **json.loads(entry.detail),
        "position": position,
        "actor": entry.actor,
        "subject": None if entry.subject is None else str(entry.subject),
        "request_id": entry.request_id,
    }
    about = {"type": entry.kind, "timestamp": _iso(entry.at), "data": data}
    return canonical(about if personal is None else {**about, "personal": personal}).encode()


def sample_body(endpoint_id: str, now: int) -> bytes:
    """Of no entry. now: Unix seconds."""
    return canonical({"type": "test", "timestamp": _iso(now), "data": {"endpoint": endpoint_id}}).encode()


def headers_of(message_id: str, now: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """With a signature for each secret. now: Unix seconds, of this attempt."""
    material = f"{message_id}.{now}.".encode() + body
    return {
        "Content-Type": "application/json",
        "User-Agent": "bastion",
        "webhook-id": message_id,
        "webhook-timestamp": f"{now}",
        "webhook-signature": " ".join(_signature(secret, material) for secret in secrets),
    }


def _signature(secret: str, material: bytes) -> str:
    digest = hmac.new(b64decode(key_of(secret)), material, hashlib.sha256).digest()
    return f"v1,{b64encode(digest).decode()}"


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
