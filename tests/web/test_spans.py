"""Spans are said as people say them, and nobody is told to come back too early."""

import pytest

from gateway.web.spans import wait

WAITS = {
    1: "1 second", 2: "2 seconds", 59: "59 seconds", 60: "1 minute", 61: "2 minutes", 120: "2 minutes",
    121: "3 minutes", 3599: "60 minutes", 3600: "1 hour", 3601: "2 hours",
}  # fmt: skip


@pytest.mark.parametrize(("seconds", "said"), WAITS.items())
def test_a_wait_is_rounded_up(seconds: int, said: str) -> None:
    assert wait(seconds) == said
