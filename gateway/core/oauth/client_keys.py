"""Owns the keys that a client publishes at a URL: how its document is read, how long it counts, when to ask again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.jose.compact import MalformedJose, read_object
from gateway.core.jose.keys import VerificationKey

LONGEST: Final = 65_536  # bytes
PAUSE_S: Final = 60  # between two fetches, however many unknown keys come
KEPT_S: Final = 86_400  # the last document, while the URL fails
_MOST_KEYS: Final = 20
_FRESH_S: Final = 900  # so long a key counts that the client has taken away
_FETCHING_S: Final = 5  # longer than a fetch may take; a node that died leaves one that never ends


@dataclass(frozen=True, slots=True)
class FetchedKeys:
    """As a node knows them. fetched_at: of the document with the keys; 0: there is none.

    tried_at: when a node last began to fetch. Both in Unix seconds. settled: that fetch is over.
    """

    keys: tuple[VerificationKey, ...] = ()
    fetched_at: int = 0
    tried_at: int = 0
    settled: bool = True

    def usable(self, now: int) -> tuple[VerificationKey, ...]:
        """Empty: there are none, or they are too old."""
        return self.keys if now < self.fetched_at + KEPT_S else ()

    def is_fresh(self, now: int) -> bool:
        return now < self.fetched_at + _FRESH_S

    def is_final(self, now: int) -> bool:
        """Nobody may fetch yet, and nobody does."""
        return self.settled and now < self.tried_at + PAUSE_S

    def is_awaited(self, now: int) -> bool:
        return not self.settled and now < self.tried_at + _FETCHING_S


def read_key_set(raw: bytes, algorithms: frozenset[str]) -> tuple[VerificationKey, ...]:
    """The keys of a document (RFC 7517) that fit; others may be for encryption, or newer than we are (section 5).

    Raises MalformedJose: it is none, has too many, names one twice, or none fits.
    """
    listed = read_object(raw).get("keys")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise MalformedJose("it has no list of keys")
    if len(listed) > _MOST_KEYS:
        raise MalformedJose(f"it has more than {_MOST_KEYS} keys")
    fitting = _fitting(listed, algorithms)
    if not fitting:
        raise MalformedJose(f"it has no public key for {', '.join(sorted(algorithms))}")
    if len({key.kid for key in fitting}) < len(fitting):
        raise MalformedJose("two of its keys have one kid")
    return fitting


def _fitting(listed: Sequence[dict[str, object]], algorithms: frozenset[str]) -> tuple[VerificationKey, ...]:
    found = []
    for jwk in listed:
        try:
            found.append(VerificationKey.of_jwk(jwk, algorithms))
        except MalformedJose:
            continue
    return tuple(found)
