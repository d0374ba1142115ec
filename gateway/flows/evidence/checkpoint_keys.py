"""Announces in the audit log which keys sign its checkpoints, so that a forger's key is not taken for a new node's."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.entries import Kind
from gateway.core.audit.evidence_events import CheckpointKeyMade
from gateway.core.audit.statement import key_id
from gateway.core.base64url import b64
from gateway.flows.act import Acts


@dataclass(frozen=True, slots=True)
class CheckpointKeys:
    acts: Acts

    async def announce(self, key: Ed25519PublicKey) -> None:
        """Once for each key, however often it is called. Raises RecordUnavailable."""
        event = CheckpointKeyMade(None, key_id(key), b64(key.public_bytes_raw()))
        async with self.acts.begin() as act:
            if not await act.audit.has(Kind.CHECKPOINT_KEY_MADE, {"key": event.key, "public": event.public}):
                act.record(event)
