"""Writes what a browser is asked, as the JSON that WebAuthn Level 3 parses (section 5.1.8 and 5.1.9)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from webauthn import generate_authentication_options, generate_registration_options
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.core.passkeys.relying_party import RelyingParty

_PATIENCE_MS: Final = 300_000  # WCAG 2.2 section 2.2.1; WebAuthn recommends 5 minutes


@dataclass(frozen=True, slots=True)
class PasskeyOwner:
    """Whom a passkey is made for. Authenticators keep all of it, and show the names."""

    user_id: UUID
    username: str
    name: str


def enrolment_options(rp: RelyingParty, owner: PasskeyOwner, challenge: bytes, enrolled: Sequence[bytes]) -> str:
    """enrolled: ids of the passkeys that the person has: an authenticator with one of them refuses.

    An authenticator that can't keep a passkey or can't verify people is taken too, as a second factor.
    """
    wanted = AuthenticatorSelectionCriteria(
        resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
    )
    options = generate_registration_options(
        rp_id=rp.id,
        rp_name=rp.name,
        user_id=owner.user_id.bytes,
        user_name=owner.username,
        user_display_name=owner.name or owner.username,
        challenge=challenge,
        timeout=_PATIENCE_MS,
        authenticator_selection=wanted,
        exclude_credentials=_descriptors(enrolled),
    )
    # credProps tells whether the passkey is found without a name.
    return _text(options_to_json_dict(options) | {"extensions": {"credProps": True}})


def sign_in_options(rp: RelyingParty, challenge: bytes) -> str:
    """Of anybody: no list of passkeys, so nothing tells who has one."""
    options = generate_authentication_options(
        rp_id=rp.id,
        challenge=challenge,
        timeout=_PATIENCE_MS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _text(options_to_json_dict(options))


def second_options(rp: RelyingParty, challenge: bytes, enrolled: Sequence[bytes]) -> str:
    """Of a person whose name is known. enrolled: ids of their passkeys."""
    options = generate_authentication_options(
        rp_id=rp.id,
        challenge=challenge,
        timeout=_PATIENCE_MS,
        allow_credentials=_descriptors(enrolled),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return _text(options_to_json_dict(options))


def _descriptors(ids: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one) for one in ids]


def _text(options: dict[str, Any]) -> str:
    return json.dumps(options, separators=(",", ":"))
