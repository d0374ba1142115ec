"""Owns whom passkeys are made for. The configuration names it, so nothing of WebAuthn is imported here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom passkeys are made for. id: RP ID, the auth host or a parent. name: for people. origin: of the auth host."""

    id: str
    name: str
    origin: str
