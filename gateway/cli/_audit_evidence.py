"""The files that `bastion audit verify` compares the log with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.restore import Restore
from gateway.stores.files.checkpoints import (
    FILE_NAME,
    CheckpointsUnusable,
    files_below,
    public_key_files,
    read_checkpoints,
    read_public_keys,
    remember,
)
from gateway.stores.files.restores import read_restores


@dataclass(frozen=True, slots=True)
class Named:
    """What the command line names. place: a file of checkpoints, or a directory of several nodes."""

    place: Path | None
    key_files: tuple[Path, ...]
    seen: Path | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Checkpoints of the sources, those seen before, and the keys that may have signed them."""

    sources: list[Path]
    keys: dict[str, Ed25519PublicKey]
    found: list[Checkpoint]
    seen: list[Checkpoint]
    restores: list[Restore]

    @classmethod
    def of(cls, directory: Path | None, named: Named) -> "Evidence":
        """Empty where nothing is named, and the node has written nothing to its own directory yet.

        Raises CheckpointsUnusable.
        """
        usual = None if directory is None else directory / FILE_NAME
        place = named.place or usual
        if place is None or (named.place is None and not place.exists()):
            if named.key_files or named.seen:
                raise CheckpointsUnusable(
                    "there are no checkpoints for --public-key or --seen; name a file with --checkpoints"
                )
            return cls([], {}, [], [], [])
        beside = place if place.is_dir() else place.parent
        keys = read_public_keys(list(named.key_files) or public_key_files(beside))
        sources = files_below(place)
        found = [one for source in sources for one in read_checkpoints(source, keys)]
        if not found:
            raise CheckpointsUnusable(f"{place}: holds no checkpoint")
        return cls(sources, keys, found, _seen_before(named.seen, keys), read_restores(beside, keys))

    @property
    def checkpoints(self) -> list[Checkpoint]:
        return list(dict.fromkeys([*self.seen, *self.found]))

    def remember_in(self, file: Path, lost: Sequence[Checkpoint]) -> None:
        """lost: what a restore explains, and the log can't have any more. Raises CheckpointsUnusable."""
        assert self.sources
        newest = max((one for one in self.checkpoints if one not in lost), key=lambda one: one.position, default=None)
        if newest is None:
            return
        if newest in self.seen:
            return
        try:
            remember(file, self.sources, newest, self.keys)
        except OSError as error:
            raise CheckpointsUnusable(f"{file}: {error.strerror}") from error


def _seen_before(file: Path | None, keys: dict[str, Ed25519PublicKey]) -> list[Checkpoint]:
    if file is None or not file.exists():
        return []
    seen = read_checkpoints(file, keys)
    if not seen:
        raise CheckpointsUnusable(f"{file}: holds no checkpoint")
    return seen
