"""Memories of pure functions: so many values and no more, the oldest goes first."""

import random

import pytest

from gateway.core.remembered import Remembered


@pytest.mark.parametrize(("most", "kept"), [(2, False), (3, True)])
def test_so_many_are_kept_and_the_oldest_goes_first(most: int, kept: bool) -> None:
    known = Remembered[str, int](most)
    for key, value in (("a", 1), ("b", 2), ("c", 3)):
        known.keep(key, value)

    assert (known.get("a") == 1) is kept
    assert (known.get("b"), known.get("c")) == (2, 3)


def test_what_is_kept_anew_pushes_nothing_out() -> None:
    known = Remembered[str, int](2)
    known.keep("a", 1)
    known.keep("b", 2)

    assert known.keep("a", 3) == 3
    assert (known.get("a"), known.get("b"), known.get("c")) == (3, 2, None)


def test_whatever_is_asked_it_says_what_was_kept_last_or_nothing() -> None:
    chance = random.Random(7)
    known, told = Remembered[int, int](5), dict[int, int]()
    for _ in range(2_000):
        key = chance.randrange(12)
        if chance.random() < 0.5:
            told[key] = known.keep(key, chance.randrange(100))
        else:
            assert known.get(key) in (told.get(key), None)

    assert sum(known.get(key) is not None for key in range(12)) == 5
