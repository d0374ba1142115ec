"""Owns the life of signing keys: next, active, retiring, gone. States follow from times and are stored nowhere, so
all nodes agree on them without a word.

A key is published before it signs, for longer than apps keep a copy of the key set, and stays published after the last
token that it signed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.jose.keys import SigningKey, VerificationKey
from gateway.core.units import DAY_S

JWKS_MAX_AGE_S: Final = 300
NEXT_S: Final = 2 * JWKS_MAX_AGE_S + 60
KEPT_S: Final = DAY_S  # far longer than any token lives
SOON_S: Final = 5  # until all workers of the fleet know a key that they need at once


class NoSigningKey(GatewayError):
    """No key signs with this algorithm now: none was made yet, or Postgres has not answered since the start."""


class KeyState(Enum):
    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"
    GONE = "gone"
    COMPROMISED = "compromised"


PUBLISHED: Final = frozenset({KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING})


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """Unix seconds; None: not yet known. gone_after: None exactly where retire_at is."""

    created_at: int
    active_from: int
    retire_at: int | None = None
    gone_after: int | None = None
    compromised_at: int | None = None

    def state(self, now: int) -> KeyState:
        if self.compromised_at is not None:
            return KeyState.COMPROMISED
        if self.gone_after is not None and now >= self.gone_after:
            return KeyState.GONE
        if self.retire_at is not None and now >= self.retire_at:
            return KeyState.RETIRING
        return KeyState.ACTIVE if now >= self.active_from else KeyState.NEXT


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """key: None where it is gone, or can't be read."""

    kid: str
    alg: str
    times: KeyTimes
    key: SigningKey | None


@dataclass(frozen=True, slots=True, eq=False)
class KeySet:
    """What a worker verifies and signs with at one moment; nobody changes it.

    verification: by kid, the same object while the same keys are published, so that what hangs on it may be remembered.
    signers: by algorithm. document: the JWKS (RFC 7517).
    """

    verification: Mapping[str, VerificationKey]
    signers: Mapping[str, SigningKey]
    document: bytes
    etag: str

    def signer(self, alg: str) -> SigningKey:
        """Raises NoSigningKey."""
        found = self.signers.get(alg)
        if found is None:
            raise NoSigningKey(f"no key signs with {alg} now")
        return found


def key_set(records: Iterable[KeyRecord], now: int, before: KeySet) -> KeySet:
    """before: comes back where nothing is different."""
    published: dict[str, VerificationKey] = {}
    signers: dict[str, SigningKey] = {}
    document = []
    for record in sorted(records, key=lambda one: (one.times.active_from, one.kid)):
        state = record.times.state(now)
        if record.key is None or state not in PUBLISHED:
            continue
        published[record.kid] = record.key.verification
        document.append({**record.key.verification.jwk, "kid": record.kid, "alg": record.alg, "use": "sig"})
        if state is KeyState.ACTIVE:
            signers[record.alg] = record.key  # the newest comes last
    same_keys = published.keys() == before.verification.keys()
    if same_keys and _kids(signers) == _kids(before.signers):
        return before
    text = before.document if same_keys else json.dumps({"keys": document}, separators=(",", ":")).encode()
    return KeySet(before.verification if same_keys else published, signers, text, _etag(text))


def missing(records: Sequence[KeyRecord], wanted: Iterable[str], now: int) -> list[str]:
    """The algorithms for which no key signs, or is about to."""
    served = {one.alg for one in _serving(records, now)}
    return sorted(set(wanted) - served)


def due(records: Sequence[KeyRecord], rotate_every_s: int, now: int) -> list[str]:
    """The algorithms whose newest key is so old that the next one has to be published."""
    made_at: dict[str, int] = {}
    for one in _serving(records, now):
        made_at[one.alg] = max(made_at.get(one.alg, 0), one.times.active_from)
    return sorted(alg for alg, at in made_at.items() if now >= at + rotate_every_s - NEXT_S)


def _serving(records: Sequence[KeyRecord], now: int) -> list[KeyRecord]:
    """Those that sign for an unlimited time, now or soon."""
    lasting = [one for one in records if one.key is not None and one.times.retire_at is None]
    return [one for one in lasting if one.times.state(now) in (KeyState.NEXT, KeyState.ACTIVE)]


def _kids(signers: Mapping[str, SigningKey]) -> dict[str, str]:
    return {alg: key.kid for alg, key in signers.items()}


def _etag(document: bytes) -> str:
    return f'"{hashlib.sha256(document).hexdigest()[:32]}"'


_NO_KEYS: Final = b'{"keys":[]}'
NO_KEYS: Final = KeySet({}, {}, _NO_KEYS, _etag(_NO_KEYS))
