"""Compiles the decision path to machine code where BASTION_COMPILE=1 asks for it; else all of Bastion is plain Python.

BASTION_COMPILE=quick leaves out what the C compiler does for speed: the same in a third of the time, for tests.

The sources are the same, and so are their types: mypyc takes what mypy has checked. docs/performance.md says what it
brings; `.ci/run` tests both.
"""

import os
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py


class WithCommit(build_py):  # type: ignore[misc]  # setuptools has no types
    """BASTION_COMMIT goes into the wheel, for `bastion version`."""

    def run(self) -> None:
        super().run()
        commit = os.environ.get("BASTION_COMMIT", "")
        if commit and not self.editable_mode:
            (Path(self.build_lib) / "gateway" / "commit.txt").write_text(f"{commit}\n")


def _extensions() -> list[Extension]:
    wanted = os.environ.get("BASTION_COMPILE", "")
    if wanted not in ("1", "quick"):
        return []
    from mypyc.build import mypycify

    project = tomllib.loads(Path("pyproject.toml").read_text())
    level = "0" if wanted == "quick" else "3"
    modules = project["tool"]["bastion"]["compiled"]
    extensions: list[Extension] = mypycify(modules, group_name="bastion", opt_level=level)
    return extensions


setup(ext_modules=_extensions(), cmdclass={"build_py": WithCommit})
