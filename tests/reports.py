"""What pytest tells and in which order it runs files: hooks that tests/conftest.py takes over."""

import json
from collections import Counter
from collections.abc import Generator
from copy import copy
from pathlib import Path
from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

SECONDS: Final = Path(__file__).with_name("seconds.json")
_TOGETHER: Final = ("tests/browser/", "tests/cluster/", "tests/hostile/")  # they share servers that start slowly
_KEPT_S: Final = 1  # what takes less is not in the file, and goes last


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--remember", action="store_true", help=f"write into {SECONDS.name} how long each file took")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Told(config))


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A file is the unit, or all files that share what no other needs, as a Chromium and a house."""

    def _split_scope(self, nodeid: str) -> str:
        return _unit_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling | None:
    return _Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The slowest unit first, so that none begins when the others are nearly done."""
    if hasattr(config, "workerinput"):
        seconds = Counter[str]()
        for file, took in known_seconds().items():
            seconds[_unit_of(file)] += took
        items.sort(key=lambda item: -seconds[_unit_of(item.nodeid)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[Any]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure that can't be formatted is still one of one test, and does not end the run.

    Before 3.11.5, ast.parse raises SystemError now and then, where a finalizer parses meanwhile (gh-106905).
    """
    try:
        return (yield)
    except SystemError as error:
        assert call.excinfo is not None
        as_passed = copy(call)
        as_passed.excinfo = None
        report = pytest.TestReport.from_item_and_call(item, as_passed)
        report.outcome = "failed"
        lines = [f"{entry.path}:{entry.lineno + 1}" for entry in call.excinfo.traceback]
        report.longrepr = "\n".join([*lines, call.excinfo.exconly(), f"(pytest could not format it: {error})"])
        return report


def known_seconds() -> dict[str, int]:
    known: dict[str, int] = json.loads(SECONDS.read_text())
    return known


class _Told:
    """Of the process that prints."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._took: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Failures are named as they happen: whatever ends the run later, they are known."""
        self._took[_file_of(report.nodeid)] += report.duration  # type: ignore[assignment]  # seconds, with a fraction
        terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(f"FAILED {report.nodeid} ({report.when})", red=True)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._config.getoption("durations"):
            terminalreporter.write_line("dev.py test --durations=50 shows the fifty slowest, --durations=0 -vv all")

    def pytest_sessionfinish(self) -> None:
        if self._config.getoption("remember"):
            known = known_seconds() | {file: round(took) for file, took in self._took.items()}
            kept = {file: s for file, s in sorted(known.items()) if s >= _KEPT_S and Path(file).exists()}
            SECONDS.write_text(json.dumps(kept, indent=1) + "\n")


def _unit_of(nodeid: str) -> str:
    return next((one for one in _TOGETHER if nodeid.startswith(one)), _file_of(nodeid))


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
