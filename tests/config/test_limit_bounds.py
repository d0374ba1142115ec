"""Which rates and bursts of the section `limits` a bucket can count."""

from pathlib import Path

import pytest
import yaml

from gateway.config import load_config
from tests.config.test_load import GOOD, problems, written


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        ("{rate: 1000000/s}", ""),
        (
            "{rate: 1000001/s}",
            "2:27: `{}.rate` is 1000001/s, which is more than a bucket can count; expected at most 1000000/s",
        ),
        ("{rate: 1/d, burst: 36500}", ""),
        (
            "{rate: 1/d, burst: 36501}",
            "2:39: `{}.burst` is 36501, which takes over 100 years to refill; expected at most 36500",
        ),
    ],
)
def test_a_limit_that_no_bucket_can_count_is_refused_with_its_place(tmp_path: Path, limit: str, problem: str) -> None:
    path = written(tmp_path, f"limits:\n  GENERAL.EXECUTE: {limit}\n" + yaml.safe_dump(GOOD))

    if problem:
        assert problems(path) == [problem.format("limits.GENERAL.EXECUTE")]
    else:
        assert load_config(path, environ={}).config.limit("GENERAL.EXECUTE").interval_us >= 1
