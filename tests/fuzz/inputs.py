"""What is done with one input, and how an input is broken: for fuzzing guided by coverage, and for tests without it."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from gateway.core.forward.request import MalformedRequest, read_request
from tests.fuzz.mutate import mutated, questions
from tests.fuzz.reading import judge

_MOST_CUTS: Final = 6


def one_input(raw: bytes) -> None:
    """The whole protocol, and the reader of headers without a parser before it. Raises AssertionError."""
    draw = random.Random(raw)
    cuts = [draw.randrange(len(raw) + 1) for _ in range(draw.randrange(_MOST_CUTS))]
    asyncio.run(judge(raw, cuts))
    pairs = [(name, value) for name, _, value in (line.partition(b": ") for line in raw.split(b"\r\n"))]
    try:
        request = read_request(pairs)
    except MalformedRequest:
        return
    assert request.path.startswith("/")
    assert request.host == request.host.lower()


def broken(raw: bytes, most: int, seed: int, otherwise: Callable[[bytes, int], bytes]) -> bytes:
    """Half by us, as questions are, and half otherwise. most: bytes."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        return otherwise(raw, most)
    return mutated(raw if raw.strip(b"\n") else questions(draw), draw)[:most]
