"""A file system of a megabyte, for one process and what it starts: a test fills it, and it is gone with them."""

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

_OPTIONS: Final = "size=1m,nr_inodes=100"
_MOUNTED: Final = f'mount -t tmpfs -o {_OPTIONS} tmpfs "$0" && mkdir "$0/data" "$0/checkpoints" "$0/fill" && exec "$@"'


def on_a_disk(directory: Path) -> list[str]:
    """Argv that runs what follows it where directory is a file system of its own."""
    return ["unshare", "--mount", "--", "sh", "-c", _MOUNTED, str(directory)]


def why_not(directory: Path) -> str:
    """Why this machine lets us mount none there, "" where it does."""
    ran = subprocess.run([*on_a_disk(directory), "true"], capture_output=True, text=True, check=False)
    return ran.stderr.strip() if ran.returncode else ""


@dataclass(frozen=True)
class Disk:
    """root: as seen from outside."""

    root: Path

    @classmethod
    def of(cls, pid: int, directory: Path) -> "Disk":
        return cls(Path(f"/proc/{pid}/root{directory}"))

    def fill(self) -> None:
        """Until no file can be made, and none grows by a block."""
        with _until_full():
            for number in count():
                (self.root / "fill" / str(number)).touch()
        with _until_full(), (self.root / "fill" / "0").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    @property
    def full(self) -> bool:
        return _refused(self.root / "fresh") and _refused(self.root / "fill" / "1")

    def clear(self) -> None:
        shutil.rmtree(self.root / "fill")
        (self.root / "fill").mkdir()


@contextmanager
def _until_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _refused(path: Path) -> bool:
    try:
        with path.open("ab", buffering=0) as file:
            file.write(b"x")
    except OSError as error:
        return error.errno == errno.ENOSPC
    return False
