"""Rate limits that are changed while Bastion runs: how they are written, within which bounds, and what is left out."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.admin.live_limits import (
    MOST_BURST,
    BadSetting,
    LimitValue,
    check,
    is_far,
    overlaid,
    read_value,
    typed,
    value_of,
)
from gateway.core.ratelimit.gcra import Limit, most_at_once

LOGIN = Limit("AUTH.LOGIN", 10, 60_000_000, 5)
PLAIN = Limit("GENERAL.EXECUTE", 600, 60_000_000, 600)
VALUES = st.builds(
    LimitValue, st.integers(1, 99_999_999), st.sampled_from([1, 60, 3600, 86_400]), st.integers(1, MOST_BURST)
).filter(
    lambda value: value.count <= value.period_s * 1_000_000 and value.burst <= most_at_once(value.count, value.period_s)
)


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: LimitValue) -> None:
    assert read_value(value.stored) == value
    assert typed(value.rate, str(value.burst)) == value


@given(st.text(max_size=40), st.text(max_size=12))
def test_whatever_is_typed_is_a_value_or_told_to_be_none(rate: str, burst: str) -> None:
    with suppress(BadSetting):
        value = typed(rate, burst)
        assert value.count >= 1
        assert 1 <= value.burst <= MOST_BURST
        assert read_value(value.stored) == value


@pytest.mark.parametrize(
    ("rate", "is_one"), [("1000000/s", True), ("1000001/s", False), ("60000000/min", True), ("60000001/min", False)]
)
def test_a_rate_is_one_that_buckets_can_count(rate: str, is_one: bool) -> None:
    """One that is stored all the same is out of force, and no worker stops for it."""
    found, trouble = overlaid({LOGIN.name: LOGIN}, {f"limits.{LOGIN.name}": f"{rate};burst=1"})

    assert (found[LOGIN.name].count == int(rate.partition("/")[0]), not trouble) == (is_one, is_one)
    if not is_one:
        with pytest.raises(BadSetting, match="a second"):
            typed(rate, "1")


@pytest.mark.parametrize("burst", ["9" * 5_000, "٣", "-1", "1e3"])
def test_what_is_no_number_is_no_burst(burst: str) -> None:
    with pytest.raises(BadSetting, match="no burst"):
        typed("10/min", burst)


@pytest.mark.parametrize(
    ("burst", "is_one"), [("1", True), (str(MOST_BURST), True), (str(MOST_BURST + 1), False), ("0", False)]
)
def test_a_burst_has_bounds(burst: str, is_one: bool) -> None:
    if is_one:
        assert typed("10/min", burst).burst == int(burst)
    else:
        with pytest.raises(BadSetting, match="no burst"):
            typed("10/min", burst)


def test_a_burst_that_no_bucket_can_count_is_told_with_the_largest_that_can() -> None:
    assert typed("1/d", "36500").burst == 36500
    with pytest.raises(BadSetting, match="over 100 years to refill; expected at most 36500"):
        typed("1/d", "36501")


def test_a_burst_that_is_left_out_is_all_of_a_period() -> None:
    assert typed("20/min", "") == LimitValue(20, 60, 20)


@pytest.mark.parametrize(("rate", "refused"), [("3/min", False), ("2/min", True), ("200/h", False), ("179/h", True)])
def test_logins_can_not_be_slowed_down_for_everybody_to_less_than_three_a_minute(rate: str, refused: bool) -> None:
    value = typed(rate, "")

    if refused:
        with pytest.raises(BadSetting, match="keep people from signing in"):
            check("AUTH.LOGIN", value)
    else:
        check("AUTH.LOGIN", value)
    check("GENERAL.EXECUTE", value)


@pytest.mark.parametrize(
    ("name", "rate", "burst", "far"),
    [
        ("AUTH.LOGIN", "100/min", "50", False),
        ("AUTH.LOGIN", "101/min", "50", True),
        ("AUTH.LOGIN", "100/min", "51", True),
        ("PASSWORD.CHANGE", "101/min", "1", True),
        ("GENERAL.EXECUTE", "99999/min", "99999", False),
    ],
)
def test_a_limit_of_guessers_is_opened_far_at_more_than_ten_times_the_file(
    name: str, rate: str, burst: str, far: bool
) -> None:
    assert is_far(name, typed(rate, burst), value_of(LOGIN)) is far


def test_stored_values_count_before_the_files_and_those_that_do_not_fit_are_told() -> None:
    stored = {
        "limits.AUTH.LOGIN": "20/min;burst=10",
        "limits.GENERAL.EXECUTE": "lots",
        "limits.GONE": "1/s;burst=1",
        "sessions.idle_s": "5",
    }

    limits, trouble = overlaid({"AUTH.LOGIN": LOGIN, "GENERAL.EXECUTE": PLAIN}, stored)

    assert value_of(limits["AUTH.LOGIN"]) == LimitValue(20, 60, 10)
    assert limits["GENERAL.EXECUTE"] == PLAIN
    assert [line.partition(":")[0] for line in trouble] == ["limits.GENERAL.EXECUTE", "limits.GONE", "sessions.idle_s"]


def test_a_stored_value_that_would_lock_everybody_out_is_out_of_force() -> None:
    limits, trouble = overlaid({"AUTH.LOGIN": LOGIN}, {"limits.AUTH.LOGIN": "1/d;burst=1"})

    assert limits["AUTH.LOGIN"] == LOGIN
    assert len(trouble) == 1
