"""Owns a passkey as it is stored. Nothing of WebAuthn is imported here: most commands read no passkey."""

from dataclasses import dataclass
from typing import Final

PASSKEY_NAME: Final = "passkey"  # among factors, in stored entries


@dataclass(frozen=True, slots=True, repr=False)
class Passkey:
    """One that is enrolled. alone: it signs in without a password.

    device_bound: it stays in its authenticator, by the authenticator's word. repr is left out: it names a person.
    """

    id: bytes
    public_key: bytes
    aaguid: str
    sign_count: int
    device_bound: bool
    alone: bool
