"""An authenticator and its browser in software: WebAuthn answers for tests, right ones and wrong in one place."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.core.base64url import b64, unb64

UP: Final = 1
UV: Final = 4
BE: Final = 8
BS: Final = 16
_AT: Final = 64


@dataclass
class Authenticator:
    """One passkey for one site. count: of its answers; 0 stays 0 where counts is False."""

    rp_id: str
    origin: str
    id: bytes = b"passkey-of-ada-1"
    flags: int = UP | UV
    count: int = 0
    counts: bool = True
    user_handle: bytes | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def enrol(self, options: str, **wrong: Any) -> str:
        """What navigator.credentials.create() gives, as JSON. wrong: as _client has it, or fmt, statement, results."""
        asked = json.loads(options)
        self.user_handle = unb64(asked["user"]["id"])
        results = wrong.pop("results", {"credProps": {"rk": True}})
        fmt, statement = wrong.pop("fmt", "none"), wrong.pop("statement", {})
        attested = cbor2.dumps({"fmt": fmt, "attStmt": statement, "authData": self._data(attested=True)})
        response = {
            "clientDataJSON": b64(self._client("webauthn.create", asked["challenge"], wrong)),
            "attestationObject": b64(attested),
        }
        return self._credential(response, results)

    def prove(self, options: str, **wrong: Any) -> str:
        """What navigator.credentials.get() gives, as JSON."""
        asked = json.loads(options)
        data = self._data(attested=False)
        client = self._client("webauthn.get", asked["challenge"], wrong)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        if self.user_handle is not None:
            response["userHandle"] = b64(self.user_handle)
        return self._credential(response, {})

    def _client(self, type_: str, challenge: str, wrong: dict[str, Any]) -> bytes:
        """wrong: fields of the client data in place of the right ones; None: it is left out."""
        client = {"type": type_, "challenge": challenge, "origin": self.origin, "crossOrigin": False} | wrong
        return json.dumps({name: value for name, value in client.items() if value is not None}).encode()

    def _data(self, *, attested: bool) -> bytes:
        self.count += self.counts
        flags = self.flags | (_AT if attested else 0)
        data = hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")
        if attested:
            data += bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self._public_key()
        return data

    def _public_key(self) -> bytes:
        """COSE (RFC 9053 section 7.1.1), ES256."""
        point = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def _credential(self, response: dict[str, str], results: dict[str, Any]) -> str:
        id_ = b64(self.id)
        found = {"id": id_, "rawId": id_, "type": "public-key", "clientExtensionResults": results, "response": response}
        return json.dumps(found)
