"""A directory that takes mail instead of a mail server: one .eml file for each message."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from gateway.stores.files.whole import fresh

_NAME_CHARS = 32
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class LetterDirectory:
    """The directory is made when the first message comes."""

    directory: Path

    async def put(self, message_id: str, content: bytes) -> None:
        """A message that comes twice has one file. Raises OSError."""
        await asyncio.to_thread(self._put, message_id, content)

    def _put(self, message_id: str, content: bytes) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(message_id.encode()).hexdigest()[:_NAME_CHARS]
        path = self.directory / f"{name}.eml"
        with fresh(path, content, _MODE) as made:
            made.rename(path)
