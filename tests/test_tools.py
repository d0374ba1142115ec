"""What .ci/run installs is there, or its tests fail; elsewhere they are skipped."""

import re
from pathlib import Path

import pytest

from tests.tools import ELSE, INSTALLED, lacks

RUN = (Path(__file__).parents[1] / ".ci" / "run").read_text()


@pytest.mark.parametrize("tool", [*INSTALLED, *ELSE])
def test_a_test_whose_tool_is_missing_is_skipped_and_says_what_to_install(tool: str) -> None:
    packages = {**INSTALLED, **ELSE}[tool]

    with pytest.raises(pytest.skip.Exception, match=f"the test needs {tool}: apt-get install {packages}$"):
        lacks("the test", tool, installed=False)


@pytest.mark.parametrize("tool", INSTALLED)
def test_it_fails_where_the_tool_was_to_be_installed(tool: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"the test needs {tool}: apt-get install {INSTALLED[tool]}$"):
        lacks("the test", tool, installed=True)


@pytest.mark.parametrize("tool", ELSE)
def test_another_tool_may_be_missing_there_too(tool: str) -> None:
    with pytest.raises(pytest.skip.Exception):
        lacks("the test", tool, installed=True)


def test_ci_installs_these_and_says_so_before_any_test_runs() -> None:
    before = RUN.partition("dev.py test")[0]
    provided = dict(re.findall(r"^provide (\S+) (.+)$", before, re.MULTILINE))

    assert set(provided.values()) == set(INSTALLED.values())
    assert all(INSTALLED[tool] == packages for tool, packages in provided.items())
    assert re.search(r"^export TOOLS_INSTALLED=1$", before, re.MULTILINE)
