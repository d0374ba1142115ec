"""dev.py says what it does while it makes .venv."""

import sys
from pathlib import Path

import pytest

import dev

LOCK = "aiohttp==3.14 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n" * 25
PIP = """
for number in range(24):
    print(f"Collecting package-{number}==1.0", flush=True)
    print("  Downloading package")
print("Ignoring package-24: markers don't match")
print("Installing collected packages: all of them")
"""


def test_the_first_start_tells_how_far_it_has_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere than on a terminal one line for ten packages."""
    (tmp_path / "lock").write_text(LOCK)

    dev._install([sys.executable, "-c", PIP], tmp_path / "lock")

    assert capsys.readouterr().out.splitlines() == [
        "package 10 of 25: package-9==1.0",
        "package 20 of 25: package-19==1.0",
        "installing 25 packages",
    ]


def test_an_installation_that_fails_ends_with_its_status(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()

    with pytest.raises(SystemExit) as ended:
        dev._install([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "lock")

    assert ended.value.code == 3
