"""The program says which build it is, and a wheel has all of its source."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from gateway.cli.version import commit_of
from tests.cli.conftest import Bastion

ROOT = Path(__file__).resolve().parents[2]


async def test_it_prints_version_commit_licence_and_where_the_source_is(bastion: Bastion) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    said = dict(line.split(maxsplit=1) for line in (await bastion("version")).out.splitlines())

    assert (said["version"], said["licence"]) == (project["version"], project["license"]["text"])
    assert said["source"].split()[0] == str(ROOT / "gateway")
    assert said["commit"] == commit_of(ROOT / "gateway")


def test_a_build_without_a_checkout_says_what_was_written_down(tmp_path: Path) -> None:
    package = tmp_path / "gateway"
    package.mkdir()

    unknown = commit_of(package)
    (package / "commit.txt").write_text("0123abc\n")

    assert (unknown, commit_of(package)) == ("unknown", "0123abc")


def test_a_wheel_holds_each_source_file_of_the_tree(tmp_path: Path) -> None:
    """Built from what git has, with the commit that the build was told."""
    tree = tmp_path / "tree"
    listed = subprocess.run(["git", "ls-files", "gateway"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [*listed.stdout.split(), "pyproject.toml", "setup.py", "README.md"]
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-index", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, "-w", str(tmp_path)], cwd=tree, check=True, env={"BASTION_COMMIT": "4711", "PATH": ""})
    (wheel,) = tmp_path.glob("*.whl")

    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if name.startswith("gateway/")}

    assert held.pop("gateway/commit.txt") == b"4711\n"
    assert {name: (ROOT / name).read_bytes() for name in listed.stdout.split()} == held
    compiled = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["bastion"]["compiled"]
    assert {*compiled} <= held.keys()
