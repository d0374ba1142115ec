"""What pure functions have said, on the way of every decision; elsewhere functools.lru_cache does the same.

A look-up there touches the entries beside it, to put them in a new order, and behind Caddy these are mostly not in the
processor's cache.
"""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """So many values, none of them None, by what they were made of; the oldest goes first."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        return self._known.get(key)

    def keep(self, key: K, value: V) -> V:
        """Returns value."""
        if len(self._known) >= self._most and key not in self._known:
            del self._known[next(iter(self._known))]
        self._known[key] = value
        return value
