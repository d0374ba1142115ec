"""Programs that a machine may lack: without one its tests are skipped, or fail where .ci/run has installed it."""

import os
from typing import Final, NoReturn

import pytest

# Tool -> Debian packages.
INSTALLED: Final = {"chromium": "chromium", "cc": "gcc libc6-dev", "node": "nodejs npm", "npm": "nodejs npm"}
ELSE: Final = {"go": "golang-go", "curl": "curl", "git": "git"}
TOOLS_INSTALLED: Final = bool(os.environ.get("TOOLS_INSTALLED"))


def lacks(what: str, tool: str, *, installed: bool = TOOLS_INSTALLED) -> NoReturn:
    """installed: all of INSTALLED is said to be there, so that without it the test has failed."""
    why = f"{what} needs {tool}: apt-get install {({**INSTALLED, **ELSE})[tool]}"
    if installed and tool in INSTALLED:
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
