"""Follows a chain link by link, with an eye on what checkpoints saw of it."""

import json
from collections import defaultdict
from collections.abc import Sequence

from gateway.core.audit.chain import GENESIS, Head, Link, first_fault
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.entries import Kind


class Walk:
    """begun: the position before the first link. position, head: how far it came. fault: None while all is well.

    announced: keys of checkpoints that entries tell of, with the position of the entry.
    """

    def __init__(self, checkpoints: Sequence[Checkpoint], begun: Head | None = None) -> None:
        """begun: of the link before the first, in a part of the log. Checkpoints of before it are not compared."""
        start = begun or Head(0, GENESIS)
        self.begun = self.position = start.position
        self.head = start.hash
        self.announced: dict[str, int] = {}
        self.compared = [one for one in checkpoints if one.position >= start.position]
        self._ahead: defaultdict[int, list[Checkpoint]] = defaultdict(list)
        for one in self.compared:
            self._ahead[one.position].append(one)
        self.fault = _contradiction(start, self._ahead.pop(start.position, []))

    def goes_on(self, links: Sequence[Link]) -> bool:
        """False: a fault was found."""
        if self.fault is None:
            self.fault = first_fault(self.head, self.position, links)
        for found in links:
            if found.entry.kind == Kind.CHECKPOINT_KEY_MADE.value:
                self.announced[str(json.loads(found.entry.detail).get("key"))] = found.position
            if self.fault is None and (seen := self._ahead.pop(found.position, None)):
                self.fault = _contradiction(Head(found.position, found.hash), seen)
        if self.fault is None and links:
            self.position, self.head = links[-1].position, links[-1].hash
        return self.fault is None

    def cut_off(self) -> str | None:
        """After the last link: a checkpoint saw more."""
        if not self._ahead:
            return None
        newest = self._ahead[max(self._ahead)][0]
        return (
            f"the chain ends at position {self.position}, but the checkpoint of {newest.time} (Unix seconds)"
            f" saw position {newest.position}: the end was cut off, or an old backup was restored"
        )

    def leave_rest(self) -> None:
        """What checkpoints saw after the last link is not compared: the links are a part of the log."""
        self.compared = [one for one in self.compared if one.position <= self.position]
        self._ahead.clear()


def _contradiction(found: Head, seen: list[Checkpoint]) -> str | None:
    for one in seen:
        if one.head != found.hash or one.count != found.position:
            return (
                f"position {found.position} contradicts the checkpoint of {one.time} (Unix seconds):"
                " the chain was rewritten"
            )
    return None
