"""Which name a mark was made of can be tried only as long as its key is there."""

from gateway.core.privacy.sealing import DataKey
from gateway.core.privacy.unknown_names import PERIOD_S, is_over, mark

KEY, NEXT = DataKey(b"k" * 32), DataKey(b"n" * 32)
NOW = 1_790_000_000


def test_a_name_has_one_mark_under_one_key_and_another_under_the_next() -> None:
    assert mark(KEY, "root") == mark(KEY, " Root ")
    assert mark(KEY, "root") != mark(KEY, "admin")
    assert mark(KEY, "root") != mark(NEXT, "root")


def test_a_mark_is_made_of_any_text_and_has_one_length() -> None:
    assert {len(mark(KEY, name)) for name in ("", "x" * 254, "ü\ud800\0")} == {16}


def test_a_key_is_over_at_the_second_when_its_90_days_are() -> None:
    assert not is_over(NOW, NOW)
    assert not is_over(NOW, NOW + PERIOD_S - 1)
    assert is_over(NOW, NOW + PERIOD_S)
    assert PERIOD_S == 90 * 24 * 3600


def test_a_key_of_a_clock_that_goes_fast_is_used_and_one_from_far_ahead_is_not() -> None:
    assert not is_over(NOW + 86_400, NOW)
    assert is_over(NOW + 86_401, NOW)
