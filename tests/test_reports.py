"""A run of pytest tells what failed, whatever happens, and the slowest file goes first."""

import subprocess
import sys
from pathlib import Path

from tests.reports import known_seconds

ROOT = Path(__file__).resolve().parents[1]
UNFORMATTABLE = """
import os
from tests.reports import *

def broken(_info):
    raise SystemError("AST constructor recursion depth mismatch")

def test_one():
    __tracebackhide__ = broken
    assert 1 == 2, "as it is"

def test_two():
    pass

def test_three():
    os._exit(3)
"""


def ran(tmp_path: Path, text: str, *options: str) -> "subprocess.CompletedProcess[str]":
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text("from tests.reports import *\n")
    (tmp_path / "test_it.py").write_text(text)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:playwright", *options, str(tmp_path)]
    return subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": str(ROOT)}
    )


def test_a_failure_that_cannot_be_formatted_is_one_of_one_test(tmp_path: Path) -> None:
    for options in ([], ["-n", "1"]):
        done = ran(tmp_path, UNFORMATTABLE, "-k", "not three", *options)

        assert "1 failed, 1 passed" in done.stdout, done.stdout
        assert "AssertionError: as it is" in done.stdout
        assert "test_it.py:10\n" in done.stdout


def test_a_failure_is_named_before_the_run_ends(tmp_path: Path) -> None:
    done = ran(tmp_path, UNFORMATTABLE, "--capture=no")

    assert done.returncode == 3
    assert "FAILED" in done.stdout
    assert "test_it.py::test_one (call)" in done.stdout


def test_the_slowest_file_goes_first() -> None:
    """Though it comes later, and has fewer tests."""
    slowest = max(known_seconds(), key=lambda file: known_seconds()[file])
    options = ["-n", "1", "--dist", "loadfile", "--no-loadscope-reorder", "--setup-plan", "-v"]
    argv = [sys.executable, "-m", "pytest", *options, "tests/config/test_networks.py", slowest]

    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    files = [line.partition("::")[0] for line in done.stdout.splitlines() if line.startswith("tests/")]
    assert list(dict.fromkeys(files)) == [slowest, "tests/config/test_networks.py"], done.stdout
