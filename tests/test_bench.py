"""docs/performance.md holds what was measured, and what it says of its figures is so."""

import re

import pytest

from bench.document import PAGE, filled_in, names, verdict
from bench.figures import WANTED, Figure

ROW = re.compile(r"^\| `([a-z0-9_.]+)` \| [^|]+ \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text())


def test_the_page_has_a_row_for_all_that_is_wanted() -> None:
    assert {name for name, *_ in ROWS} == names(PAGE.read_text())
    assert names(PAGE.read_text()) >= WANTED.keys()


@pytest.mark.parametrize(("name", "median", "spread", "said"), ROWS)
def test_a_row_was_measured_and_its_verdict_is_right(name: str, median: str, spread: str, said: str) -> None:
    value = float(median.replace(",", ""))

    assert said == verdict(name, value)
    assert value > 0
    assert " to " in spread


def test_a_figure_is_written_into_its_row_alone() -> None:
    page = "|---|---|\n| `decision.redis_cpu_us` | CPU | 1 | 2 |\n| `process.start_s` | seconds | 3 | 4 |\n"

    written = filled_in(page, [Figure("process.start_s", 12.345, 0.5, 1_234.5, 7)])

    assert written == page.replace("seconds | 3 | 4 |", "seconds | 12.3 | 0.500 to 1,234 |  |")


@pytest.mark.parametrize(("value", "said"), [(1.4, ">= 1.4, met"), (1.3999, ">= 1.4, **not met**")])
def test_what_is_wanted_is_said_on_both_sides_of_its_bound(value: float, said: str) -> None:
    figure = Figure("caddy.throughput_vs_before", value, value, value, 1)

    assert filled_in(f"| `{figure.name}` | rate | | | |\n", [figure]).endswith(f"| {said} |\n")


def test_a_figure_without_a_row_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"no row for flood\.new"):
        filled_in(PAGE.read_text(), [Figure("flood.new", 1, 1, 1, 1)])
