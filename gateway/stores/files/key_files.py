"""Keeps copies of the signing keys on a node's disk, encrypted: against the loss of the database, and for nothing else.

Rows are the truth. A copy is never read at start, because whoever may write a file would sign with it then.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.jose.keys import SigningKey
from gateway.stores.files.whole import fresh, write_new

_PREFIX: Final = "jwt-"
_SUFFIX: Final = ".pem"


@dataclass(frozen=True, slots=True, repr=False)
class KeyFiles:
    """`jwt-<kid>.pem`, PKCS#8 under the passphrase. repr is left out so that no passphrase reaches a log."""

    directory: Path
    passphrase: bytes

    def write(self, keys: Iterable[SigningKey]) -> None:
        """Those that are not there yet. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for key in keys:
            path = self._path(key.kid)
            if not path.exists():
                write_new(path, key.pem(self.passphrase), 0o600)

    def rewrite(self, keys: Iterable[SigningKey]) -> None:
        """Also those that are there: the passphrase may be another since. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for key in keys:
            path = self._path(key.kid)
            with fresh(path, key.pem(self.passphrase), 0o600) as made:
                made.replace(path)

    def remove(self, kids: Iterable[str]) -> None:
        """Of keys that are gone. Raises OSError."""
        for kid in kids:
            self._path(kid).unlink(missing_ok=True)

    def strangers(self, known: Collection[str]) -> list[str]:
        """The names of copies of keys that the database does not know. Raises OSError."""
        found = sorted(path.name for path in self.directory.glob(f"{_PREFIX}*{_SUFFIX}"))
        return [name for name in found if name.removeprefix(_PREFIX).removesuffix(_SUFFIX) not in known]

    def _path(self, kid: str) -> Path:
        return self.directory / f"{_PREFIX}{kid}{_SUFFIX}"
