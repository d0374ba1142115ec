"""Reads and verifies what a browser answers: a new passkey (WebAuthn section 7.1), or a proof with one (section 7.2).

The library verifies signatures and structures. It takes answers from frames, so origin, crossOrigin and topOrigin are
checked here first (threats.md L17). Counters are compared by whoever stores them, after the signature was right:
otherwise anybody could have another person's passkey suspended.
"""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import parse_attestation_object
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AttestationFormat, CredentialDeviceType

from gateway.core.assurance.steps import FactorProof, passkey
from gateway.core.base64url import unb64_strict
from gateway.core.errors import GatewayError
from gateway.core.passkeys.passkey import Passkey
from gateway.core.passkeys.relying_party import RelyingParty

ANSWER_CHARS: Final = 16_384
_ID_BYTES: Final = range(1, 1024)  # WebAuthn section 7.1 step 26


class BadAnswer(GatewayError):
    """It proves nothing. The reason is for the log and for tests; people hear only that it did not work."""


@dataclass(frozen=True, slots=True, repr=False)
class PasskeyAnswer:
    """What a browser sent, before anything in it is believed. repr is left out: it names a passkey."""

    credential: dict[str, Any]
    client: dict[str, Any]
    challenge: bytes
    id: bytes
    user_handle: bytes | None


@dataclass(frozen=True, slots=True)
class Verified:
    """proof: what it is worth. sign_count: to be compared with the one before."""

    proof: FactorProof
    sign_count: int


class Counted(Enum):
    """What a counter says: PLAUSIBLE, or CLONED where two authenticators seem to count (section 6.1.1)."""

    PLAUSIBLE = "plausible"
    CLONED = "cloned"


def read_answer(text: str) -> PasskeyAnswer:
    """Raises BadAnswer."""
    if len(text) > ANSWER_CHARS:
        raise BadAnswer("the answer is too long")
    credential = _object(text)
    response = credential.get("response")
    if not isinstance(response, dict):
        raise BadAnswer("there is no response")
    handle = response.get("userHandle")
    client = _object(_bytes(response.get("clientDataJSON")))
    id_ = _bytes(credential.get("rawId"))
    if len(id_) not in _ID_BYTES:
        raise BadAnswer("the id of the passkey has no length that one can have")
    return PasskeyAnswer(
        credential, client, _bytes(client.get("challenge")), id_, None if handle is None else _bytes(handle)
    )


def verify_enrolment(rp: RelyingParty, answer: PasskeyAnswer) -> Passkey:
    """The caller has checked the challenge. Raises BadAnswer."""
    _refuse_frames(rp, answer)
    try:
        attested = parse_attestation_object(_bytes(answer.credential["response"].get("attestationObject")))
        # None was asked for. What signs itself is the one other answer to that (section 5.1.3 step 22): so no
        # certificate of a stranger is parsed.
        if attested.fmt not in (AttestationFormat.NONE, AttestationFormat.PACKED) or attested.att_stmt.x5c:
            raise BadAnswer("it is attested, and nobody asked for that")
        verified = verify_registration_response(
            credential=answer.credential,
            expected_challenge=answer.challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
        )
    except _REFUSALS as error:
        raise BadAnswer(str(error)) from error
    if verified.credential_id != answer.id:
        raise BadAnswer("the authenticator made another passkey than the browser says")
    return Passkey(
        id=verified.credential_id,
        public_key=verified.credential_public_key,
        aaguid=verified.aaguid,
        sign_count=verified.sign_count,
        device_bound=verified.credential_device_type is CredentialDeviceType.SINGLE_DEVICE,
        alone=verified.user_verified and _is_found_without_name(answer),
    )


def verify_proof(rp: RelyingParty, answer: PasskeyAnswer, enrolled: Passkey) -> Verified:
    """The caller has checked the challenge.

    A passkey that could not verify people when it was enrolled is a second factor for ever: a thief of the
    authenticator could have given it a PIN since. Raises BadAnswer.
    """
    _refuse_frames(rp, answer)
    try:
        verified = verify_authentication_response(
            credential=answer.credential,
            expected_challenge=answer.challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            credential_public_key=enrolled.public_key,
            credential_current_sign_count=0,
        )
    except _REFUSALS as error:
        raise BadAnswer(str(error)) from error
    device_bound = verified.credential_device_type is CredentialDeviceType.SINGLE_DEVICE
    if device_bound is not enrolled.device_bound:
        raise BadAnswer("whether it can be copied has changed since it was enrolled")
    verified_person = enrolled.alone and verified.user_verified
    return Verified(passkey(device_bound=device_bound, verified=verified_person), verified.new_sign_count)


def counted(before: int, now: int) -> Counted:
    """Many authenticators never count: 0 and 0 is normal."""
    return Counted.PLAUSIBLE if now > before or now == before == 0 else Counted.CLONED


def is_of(answer: PasskeyAnswer, user_id: bytes) -> bool:
    """Whether the passkey was made for this person, as far as the answer says. user_id: 16 bytes."""
    return answer.user_handle is None or answer.user_handle == user_id


def _refuse_frames(rp: RelyingParty, answer: PasskeyAnswer) -> None:
    """Raises BadAnswer."""
    client = answer.client
    if client.get("origin") != rp.origin:
        raise BadAnswer("the origin is not the auth host's")
    if client.get("crossOrigin", False) is not False:
        raise BadAnswer("it comes from a frame of another origin")
    if "topOrigin" in client:
        raise BadAnswer("it comes from a page within another one")


def _is_found_without_name(answer: PasskeyAnswer) -> bool:
    """By the browser's word: where it says nothing, most passkeys are. At worst a button finds none."""
    results = answer.credential.get("clientExtensionResults")
    properties = results.get("credProps") if isinstance(results, dict) else None
    return not isinstance(properties, dict) or properties.get("rk") is not False


# The library's own errors share one root; its parts let these through for some inputs.
_REFUSALS: Final = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("it is not JSON") from error
    if not isinstance(found, dict):
        raise BadAnswer("it is no JSON object")
    return found


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise BadAnswer("what should be base64url is not text")
    try:
        return unb64_strict(text)
    except ValueError as error:
        raise BadAnswer("it is not base64url") from error
