"""What holds for the tree as a whole."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
OURS = [path for folder in ("gateway", "tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_lock_has_hashes_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()

    assert "://" not in text
    assert "index" not in text
    entries = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


def test_every_dependency_is_locked_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    explained = (ROOT / "docs" / "dependencies.md").read_text()
    locked = (ROOT / "requirements-dev.lock").read_text()

    for requirement in [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]:
        name = re.split(r"[\[<>=]", requirement)[0]
        if name != "bastion-gateway":
            assert name in explained
            assert re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE)


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_owns_in_at_most_400_lines(path: Path) -> None:
    text = path.read_text()

    assert text.count("\n") <= 400
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_the_starter_is_readable_to_an_older_python() -> None:
    """It has to say that 3.11 is needed, instead of failing to parse."""
    ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 7))


def test_no_file_names_a_machine() -> None:
    """Paths of somebody's home or checkout do not belong into the tree."""
    own = str(ROOT)
    for path in tracked():
        if path.suffix not in (".png", ".lock"):
            text = path.read_text(encoding="utf-8")
            assert own not in text, path
