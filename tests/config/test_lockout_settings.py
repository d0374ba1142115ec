"""The section `lockout`: its defaults, its bounds, and what would let more guesses through than it says."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_config
from gateway.core.login.lockout import LockoutRules
from tests.config.test_load import GOOD, problems, written

BOUNDS = [
    ("failures", 3, 100),
    ("within", "1m", "1d"),
    ("first", "15m", "1d"),
    ("longest", "15m", "7d"),
]
OUTSIDE = [
    ("failures", 2, "a whole number from 3 to 100"),
    ("failures", 101, "a whole number from 3 to 100"),
    ("within", "59s", "a duration from 1m to 1d"),
    ("within", "25h", "a duration from 1m to 1d"),
    ("first", "59s", "a duration from 1m to 1d"),
    ("first", "25h", "a duration from 1m to 1d"),
    ("longest", "59s", "a duration from 1m to 7d"),
    ("longest", "8d", "a duration from 1m to 7d"),
]


def rules(directory: Path, **lockout: Any) -> LockoutRules:
    loaded = load_config(written(directory, {**GOOD, "lockout": lockout}), environ={})
    assert loaded.doubts == ()
    return loaded.config.lockout.rules()


def test_the_defaults_are_those_of_the_rules(tmp_path: Path) -> None:
    assert rules(tmp_path) == LockoutRules()


@pytest.mark.parametrize(("key", "least", "most"), BOUNDS)
def test_each_value_has_both_bounds(tmp_path: Path, key: str, least: object, most: object) -> None:
    others = {"first": "1d", "longest": "7d"} if key in ("failures", "within") else {"longest": "7d"}

    assert rules(tmp_path, **{**others, key: least}) != rules(tmp_path, **{**others, key: most})


@pytest.mark.parametrize(("key", "value", "expected"), OUTSIDE)
def test_what_is_outside_of_them_is_refused(tmp_path: Path, key: str, value: object, expected: str) -> None:
    assert any(f"expected {expected}" in one for one in problems(written(tmp_path, {**GOOD, "lockout": {key: value}})))


@pytest.mark.parametrize(
    ("lockout", "says"),
    [
        ({"within": "16m"}, "`lockout.first` is shorter than lockout.within"),
        ({"first": "14m"}, "`lockout.first` is shorter than lockout.within"),
        ({"longest": "14m"}, "`lockout.longest` is shorter than lockout.first"),
    ],
)
def test_a_lock_lasts_as_long_as_failures_count(tmp_path: Path, lockout: dict[str, Any], says: str) -> None:
    (problem,) = problems(written(tmp_path, {**GOOD, "lockout": lockout}), dev=True)

    assert says in problem
