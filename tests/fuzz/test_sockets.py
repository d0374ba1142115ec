"""The same bytes to the listener on a real socket, of both event loops: the same answers, by the same judge."""

import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.exhaustive import EXHAUSTIVE
from tests.fuzz.mutate import mutated, questions
from tests.fuzz.reading import check
from tests.fuzz.sockets import talk_over
from tests.fuzz.wire import talk
from tests.web.listening import LOOPS, Here, tell

CORPUS = {file.name: file.read_bytes() for file in sorted((Path(__file__).parent / "corpus").iterdir())}
MUTANTS = 10_000 if EXHAUSTIVE else 300
FIRST_SEEDS = {"asyncio": 0, "uvloop": MUTANTS}
loops = pytest.mark.parametrize("loop", LOOPS)
turns = pytest.mark.parametrize("strangers", [False, True], ids=["at once", "in the strangers' turn"])


async def hold(here: Here, name: str, raw: bytes, cuts: Iterable[int]) -> None:
    edges = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    pieces = [raw[start:end] for start, end in pairwise(edges)]
    due = await talk([raw])

    seen = await talk_over(here, pieces, due)
    ended = await talk_over(here, pieces, None)

    assert (seen.written, seen.closed, seen.asked) == (due.written, due.closed, due.asked), (name, edges)
    check(raw, seen)
    assert [told.status for told in ended.told] == [told.status for told in due.told], (name, edges)


@loops
@turns
def test_what_was_found_once_holds_on_a_socket(loop: str, short_directory: Path, *, strangers: bool) -> None:
    draw = random.Random(11)

    async def story(here: Here) -> None:
        for name, raw in CORPUS.items():
            for count in (0, 1, 3):
                await hold(here, name, raw, [draw.randrange(len(raw) + 1) for _ in range(count)])

    tell(LOOPS[loop], short_directory, story, goes_first=lambda _question: not strangers)


@loops
def test_broken_questions_are_answered_on_a_socket_as_they_are_read(loop: str, short_directory: Path) -> None:
    """Each in the turn of strangers, or at once, and cut a few times."""
    first = FIRST_SEEDS[loop]

    async def story(here: Here) -> None:
        for seed in range(first, first + MUTANTS):
            draw = random.Random(seed)
            raw = mutated(questions(draw), draw)
            await hold(here, f"seed {seed}", raw, [draw.randrange(len(raw) + 1) for _ in range(draw.randrange(4))])

    tell(LOOPS[loop], short_directory, story, goes_first=lambda question: len(question) % 2 == 0)
