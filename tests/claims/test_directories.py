"""A directory belongs to one process, and to nobody once that has ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.claims import Directories

HOLDS = """
import sys, time
from pathlib import Path
from gateway.claims import Directories
assert Directories().take(Path(sys.argv[1])) == ""
print(flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path / "data"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_who_comes_second_is_told_who_has_it(tmp_path: Path, holder: "subprocess.Popen[bytes]") -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    ours = Directories()

    assert ours.take(tmp_path / "data") == f"pid {holder.pid}"
    assert ours.take(tmp_path / "link") == f"pid {holder.pid}"
    assert ours.take(tmp_path / "other") == ""
    holder.kill()
    holder.wait()
    assert ours.take(tmp_path / "link") == ours.take(tmp_path / "data") == ""
    assert list((tmp_path / "data").iterdir()) == []


def test_a_child_that_outlives_us_does_not_keep_it(tmp_path: Path) -> None:
    ours = Directories()
    ours.take(tmp_path)
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        ours.disown()
        os.write(writes, b".")
        signal.pause()
    os.read(reads, 1)

    ours.disown()  # as when we end

    left = Directories().take(tmp_path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reads)
    os.close(writes)
    assert left == ""


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        Directories().take(tmp_path / "file" / "data")
