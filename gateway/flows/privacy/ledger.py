"""Keeps the ledger of each node: who was erased, and what was taken away, on whichever node that was done."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.taken import MARGIN_S
from gateway.flows.act import Acts
from gateway.flows.privacy.erasure import NodeFiles
from gateway.stores.files.ledger import Erased, LedgerLine

_AT_ONCE: Final = 100


@dataclass(slots=True)
class LedgerKeeper:
    """keep_s: how long key files of backups stay. tell: hears how many erasures are in a state."""

    acts: Acts
    files: NodeFiles
    keep_s: int
    tell: Callable[[str, int], None] = lambda _state, _count: None
    _erasure: int = 0
    _position: int = 0

    async def work(self) -> None:
        """Raises RecordUnavailable or Unfinished."""
        since = self.acts.clock() - self.keep_s - MARGIN_S
        async with self.acts.begin() as act:
            erased = await act.erasures.after(self._erasure, _AT_ONCE)
            page = await act.taken.after(self._position, since, _AT_ONCE)
            counts = await act.erasures.counts()
        for state, count in counts.items():
            self.tell(state, count)
        lines: list[LedgerLine] = [*(Erased(one.user_id, one.erased_at) for one in erased), *page.taken]
        if lines:
            await asyncio.to_thread(self.files.note, lines, since)
        self._erasure, self._position = erased[-1].id if erased else self._erasure, page.last
