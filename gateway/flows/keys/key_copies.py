"""Keeps the copies of the signing keys on this node's disk as they are in the database."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from gateway.core.token.signing_keys import PUBLISHED, KeyState
from gateway.flows.keys.key_ring import KeyRing
from gateway.stores.files.key_files import KeyFiles

LOOK_EVERY_S: Final = 30.0
_OVER: Final = (KeyState.GONE, KeyState.COMPROMISED)
_LOG: Final = structlog.stdlib.get_logger("gateway.keys")


@dataclass(slots=True)
class KeyCopies:
    """Of one worker of the node. missing: hears how many copies could not be written."""

    ring: KeyRing
    files: KeyFiles
    missing: Callable[[int], None]
    _failed: str = ""
    _rewritten: bool = False  # since the start, which may have brought another master key
    _named: set[str] = field(default_factory=set)

    async def look(self) -> None:
        """Where the disk is read-only or full the node serves all the same."""
        now = self.ring.clock()
        kept = [one.key for one in self.ring.records if one.key is not None and one.times.state(now) in PUBLISHED]
        over = [one.kid for one in self.ring.records if one.times.state(now) in _OVER]
        try:
            await asyncio.to_thread(self.files.write if self._rewritten else self.files.rewrite, kept)
            self._rewritten = self._rewritten or bool(kept)
            await asyncio.to_thread(self.files.remove, over)
            self._name_strangers(await asyncio.to_thread(self.files.strangers, {one.kid for one in self.ring.records}))
        except OSError as error:
            self._complain(error)
            self.missing(len(kept))
        else:
            self._failed = ""
            self.missing(0)

    def _complain(self, error: OSError) -> None:
        """Once until it works or fails otherwise."""
        why = error.strerror or type(error).__name__
        if why != self._failed:
            _LOG.warning("signing keys can't be copied to disk", directory=str(self.files.directory), why=why)
        self._failed = why

    def _name_strangers(self, names: list[str]) -> None:
        if not self.ring.records:
            return  # Postgres has not answered yet
        for name in names:
            if name not in self._named:
                _LOG.warning("a signing key on disk is not in the database, and is not used", file=name)
                self._named.add(name)
