"""The model's Redis is the real one: the same calls on its twin and on a server come out the same at every step."""

import random
from collections import Counter

import pytest

from tests.model.pair import Pair, walk
from tests.stores.live import Server

OUTCOMES = {
    "L",
    "L due",
    "M",
    "X",
    "U",
    "C",
    "S",
    "I",
    "R",
    "fill 11",
    "fill 00",
    "fill 01",
    "fill 10",
    "fill -1",
    "fill 1-",
}
WALKS, STEPS = 8, 150


@pytest.mark.parametrize("seed", range(6))
async def test_the_real_functions_do_what_the_model_says(server: Server, seed: int) -> None:
    source, seen = random.Random(seed), Counter[str]()

    for _ in range(WALKS):
        pair = Pair(server)
        await walk(pair, source, STEPS)
        seen += pair.seen

    assert set(seen) >= OUTCOMES, "a walk that gets nowhere agrees with anything"
