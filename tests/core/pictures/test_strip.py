"""Strips: whatever is more than nothing can be seen, and nothing is drawn beyond the strip."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pictures.spans import LAST_DAY, LAST_HOUR, LAST_MONTH, LAST_WEEK
from gateway.core.pictures.strip import BAR, HEIGHT, STEP, strip_of
from gateway.core.units import HOUR_S

NOW = 1_790_000_123


@given(st.lists(st.integers(0, 2**63 - 1), max_size=200))
def test_each_number_has_a_bar_of_its_height_unless_it_is_nothing(numbers: list[int]) -> None:
    strip = strip_of(numbers)

    assert [bar.x // STEP for bar in strip.bars] == [place for place, n in enumerate(numbers) if n]
    assert all(1 <= bar.height <= HEIGHT and bar.y + bar.height == HEIGHT for bar in strip.bars)
    assert all(bar.x + BAR <= strip.width for bar in strip.bars)
    assert not strip.bars or max(bar.height for bar in strip.bars) == HEIGHT
    assert strip.total == sum(numbers)


def test_a_span_ends_with_the_step_of_now_and_leaves_out_what_is_older() -> None:
    for span in (LAST_HOUR, LAST_DAY, LAST_WEEK, LAST_MONTH):
        times = span.times(NOW)

        found = span.sorted_in(NOW, [(NOW, "a", 2), (times[-1], "a", 1), (times[0], "b", 4), (times[0] - 1, "b", 9)])

        assert (len(times), times[-1] <= NOW < times[-1] + span.step_s) == (span.steps, True)
        assert found == {"a": (0,) * (span.steps - 1) + (3,), "b": (4,) + (0,) * (span.steps - 1)}
    assert LAST_DAY.times(NOW)[0] % HOUR_S == 0
