"""Whose password is compared next: each caller in its turn, and nobody waits longer than a full room takes."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    """since: how many turns had been taken when it came. number: of all that came."""

    item: T
    since: int
    number: int


@dataclass(frozen=True, slots=True)
class Turn(Generic[T]):
    """late: have waited for as many turns as the room has places, so they are to be told to come back."""

    item: T
    late: tuple[T, ...]


class Turns(Generic[T]):
    """A waiting room with so many places (threats.md L4). A caller is whoever shares one turn in each round.

    Between two turns of a caller every other one that waits has one. So who has one item here is never late: all that
    is before it has no more turns than the room has places.
    """

    def __init__(self, places: int) -> None:
        assert places >= 1
        self._places = places
        self._came = 0
        self._taken = 0
        self._count = 0
        self._rounds: OrderedDict[str, deque[_Waiting[T]]] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    def join(self, caller: str, item: T) -> T | None:
        """What has to leave for it: the newest of the caller with the most, which may be item; None: nothing has.

        Of several with the most it is the newest of them all: nobody loses a place to somebody who has as many.
        """
        self._came += 1
        self._rounds.setdefault(caller, deque()).append(_Waiting(item, self._taken, self._came))
        self._count += 1
        if self._count <= self._places:
            return None
        greediest = max(self._rounds, key=lambda one: (len(self._rounds[one]), self._rounds[one][-1].number))
        pushed_out = self._rounds[greediest].pop()
        self._left(greediest)
        return pushed_out.item

    def take(self) -> Turn[T]:
        """The next one. Raises IndexError where nobody waits."""
        if not self._rounds:
            raise IndexError("nobody waits")
        caller, waiting = next(iter(self._rounds.items()))
        item = waiting.popleft().item
        self._rounds.move_to_end(caller)
        self._left(caller)
        self._taken += 1
        return Turn(item, tuple(self._late()))

    def leave(self, caller: str, item: T) -> None:
        """It waits no longer; nothing where it did not."""
        waiting = self._rounds.get(caller, deque())
        found = next((one for one in waiting if one.item is item), None)
        if found is not None:
            waiting.remove(found)
            self._left(caller)

    def _late(self) -> list[T]:
        late = []
        for caller, waiting in list(self._rounds.items()):
            while waiting and self._taken - waiting[0].since >= self._places:
                late.append(waiting.popleft().item)
                self._left(caller)
        return late

    def _left(self, caller: str) -> None:
        """One of the caller's has gone."""
        self._count -= 1
        if not self._rounds[caller]:
            del self._rounds[caller]
