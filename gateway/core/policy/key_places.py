"""Owns where a request may hold an API key."""

from dataclasses import dataclass
from typing import Final

X_API_KEY: Final = "x-api-key"
KEY_PREFIX: Final = b"bst_"  # how API keys begin, in whatever header


@dataclass(frozen=True, slots=True)
class KeyPlaces:
    """Where a route takes API keys from. headers: names in lower case."""

    bearer: bool = False
    basic: bool = False
    headers: frozenset[str] = frozenset()

    def and_also(self, other: "KeyPlaces") -> "KeyPlaces":
        return KeyPlaces(self.bearer or other.bearer, self.basic or other.basic, self.headers | other.headers)


PLAIN: Final = KeyPlaces(bearer=True, headers=frozenset({X_API_KEY}))
BASIC: Final = KeyPlaces(basic=True)
NOWHERE: Final = KeyPlaces()
