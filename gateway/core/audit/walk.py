"""Follows a chain link by link, with an eye on what checkpoints saw of it, and on restores that explain a loss."""

import json
from collections import defaultdict
from collections.abc import Sequence

from gateway.core.audit.chain import GENESIS, Head, Link, first_fault
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.entries import Kind
from gateway.core.audit.restore import Restore


class Walk:
    """begun: the position before the first link. position, head: how far it came. fault: None while all is well.

    announced: keys of checkpoints that entries tell of, with the position of the entry. restored: restores that this
    chain went through. lost: checkpoints that these explain.
    """

    def __init__(
        self, checkpoints: Sequence[Checkpoint], restores: Sequence[Restore] = (), begun: Head | None = None
    ) -> None:
        """begun: of the link before the first, in a part of the log. Checkpoints of before it are not compared."""
        start = begun or Head(0, GENESIS)
        self.begun = self.position = start.position
        self.head = start.hash
        self.announced: dict[str, int] = {}
        self.restored: list[Restore] = []
        self.lost: list[Checkpoint] = []
        self.fault: str | None = None
        self._compared = [one for one in checkpoints if one.position >= start.position]
        self._restores = {one.kept: one for one in sorted(restores, key=lambda one: (one.lost.position, one.time))}
        self._ahead: defaultdict[int, list[Checkpoint]] = defaultdict(list)
        for one in self._compared:
            self._ahead[one.position].append(one)
        self._meet(start)

    @property
    def compared(self) -> list[Checkpoint]:
        """Checkpoints of what the chain has."""
        return [one for one in self._compared if one not in self.lost]

    def goes_on(self, links: Sequence[Link]) -> bool:
        """False: a fault was found."""
        if self.fault is None:
            self.fault = first_fault(self.head, self.position, links)
        for found in links:
            if found.entry.kind == Kind.CHECKPOINT_KEY_MADE.value:
                self.announced[str(json.loads(found.entry.detail).get("key"))] = found.position
            if self.fault is None:
                self._meet(Head(found.position, found.hash))
        if self.fault is None and links:
            self.position, self.head = links[-1].position, links[-1].hash
        return self.fault is None

    def cut_off(self) -> str | None:
        """After the last link: a checkpoint saw more, and no restore explains it."""
        left = [one for seen in self._ahead.values() for one in seen if not self._explained(one)]
        if not left:
            return None
        newest = max(left, key=lambda one: one.position)
        return (
            f"the chain ends at position {self.position}, but the checkpoint of {newest.time} (Unix seconds)"
            f" saw position {newest.position}: the end was cut off, or an old backup was restored"
        )

    def leave_rest(self) -> None:
        """What checkpoints saw after the last link is not compared: the links are a part of the log."""
        self._compared = [one for one in self._compared if one.position <= self.position]
        self._ahead.clear()

    def _meet(self, found: Head) -> None:
        restore = self._restores.get(found)
        if restore is not None:
            self.restored.append(restore)
        for seen in self._ahead.pop(found.position, []):
            agrees = seen.head == found.hash and seen.count == found.position
            if not agrees and not self._explained(seen):
                self.fault = (
                    f"position {found.position} contradicts the checkpoint of {seen.time} (Unix seconds):"
                    " the chain was rewritten"
                )

    def _explained(self, seen: Checkpoint) -> bool:
        explained = any(one.explains(seen) for one in self.restored)
        if explained:
            self.lost.append(seen)
        return explained
