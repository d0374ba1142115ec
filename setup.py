"""Compiles the decision path to machine code where BASTION_COMPILE=1 asks for it; else all of Bastion is plain Python.

The sources are the same, and so are their types: mypyc takes what mypy has checked. docs/performance.md says what it
brings; `.ci/run` tests both.
"""

import os
import tomllib
from pathlib import Path

from setuptools import Extension, setup


def _extensions() -> list[Extension]:
    if os.environ.get("BASTION_COMPILE") != "1":
        return []
    from mypyc.build import mypycify

    project = tomllib.loads(Path("pyproject.toml").read_text())
    extensions: list[Extension] = mypycify(project["tool"]["bastion"]["compiled"], group_name="bastion")
    return extensions


setup(ext_modules=_extensions())
