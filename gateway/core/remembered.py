"""What pure functions have said, on the way of every decision; elsewhere functools.lru_cache does the same.

A look-up there touches the entries beside it, to put them in a new order, and behind Caddy these are mostly not in the
processor's cache.
"""

from collections import deque
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """So many values, none of them None, by what they were made of; the oldest goes first.

    The order is kept apart: a dict that loses its first entry again and again looks for the next among all it has lost.
    """

    __slots__ = ("_known", "_most", "_order")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[K, V] = {}
        self._order: deque[K] = deque()

    def get(self, key: K) -> V | None:
        return self._known.get(key)

    def keep(self, key: K, value: V) -> V:
        """Returns value."""
        known, order = self._known, self._order
        if key not in known:
            if len(known) >= self._most:
                del known[order.popleft()]
            order.append(key)
        known[key] = value
        return value
