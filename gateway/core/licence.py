"""Owns licences: signed words about who is supported until when, for how many people. Nothing depends on them.

A compact JWS (RFC 7515) with Ed25519 and a typ of its own. Its layout is in files of others: it can't change.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.audit.statement import BadStatement, key_id, opened, signed
from gateway.core.base64url import unb64_strict
from gateway.core.errors import GatewayError
from gateway.core.units import DAY_S

GRACE_S: Final = 30 * DAY_S
SEATS_WITHIN_S: Final = 30 * DAY_S  # who logged in within that time has a seat
_TYPE: Final = "bastion-licence+jws"
_AHEAD_S: Final = DAY_S
_LONGEST: Final = 200
_LATEST_S: Final = 1 << 40


class BadLicence(GatewayError):
    """Not a licence that one of the given keys has signed; the message says why."""


class LicenceState(Enum):
    """The values are in metrics and JSON."""

    COMMUNITY = "community"  # there is none
    VALID = "valid"
    GRACE = "grace"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    BROKEN = "broken"
    CLOCK_BEHIND = "clock_behind"  # the log or a checkpoint is of a later time, so nobody can say


@dataclass(frozen=True, slots=True)
class Licence:
    """people: how many may have a seat. begins_at, ends_at: Unix seconds; it is over at ends_at."""

    holder: str
    people: int
    begins_at: int
    ends_at: int


def public_keys_of(texts: Iterable[str]) -> dict[str, Ed25519PublicKey]:
    """By key_id. texts: base64url of raw keys. Raises ValueError."""
    keys = [Ed25519PublicKey.from_public_bytes(unb64_strict(text)) for text in texts]
    return {key_id(key): key for key in keys}


def issue(key: Ed25519PrivateKey, licence: Licence) -> str:
    return signed(key, _TYPE, asdict(licence))


def read(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Licence:
    """keys: by key_id. Raises BadLicence."""
    try:
        claims = json.loads(opened(text.strip(), _TYPE, keys))
    except BadStatement as error:
        raise BadLicence(f"the licence {error}") from error
    except ValueError as error:
        raise BadLicence("the licence is signed, but no JSON") from error
    if not isinstance(claims, dict) or not _are_claims(claims):
        raise BadLicence("the licence is signed, but has not the claims of one")
    return Licence(claims["holder"], claims["people"], claims["begins_at"], claims["ends_at"])


def state_of(licence: Licence, now: int, newest_at: int) -> LicenceState:
    """now: Unix seconds. newest_at: of the newest entry of the audit log, or checkpoint of it."""
    if newest_at >= now + _AHEAD_S:
        return LicenceState.CLOCK_BEHIND
    if now < licence.begins_at:
        return LicenceState.NOT_YET
    if now < licence.ends_at:
        return LicenceState.VALID
    return LicenceState.GRACE if now < licence.ends_at + GRACE_S else LicenceState.EXPIRED


def _are_claims(claims: Mapping[str, object]) -> bool:
    holder, numbers = claims.get("holder"), [claims.get(name) for name in ("people", "begins_at", "ends_at")]
    if not isinstance(holder, str) or not 0 < len(holder) <= _LONGEST or not holder.isprintable():
        return False
    return all(type(number) is int and 0 <= number <= _LATEST_S for number in numbers)
