"""Bytes that nobody foresaw: what is answered is what a second reading reads, in order, however the bytes are cut."""

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exhaustive import examples
from tests.fuzz.mutate import a_question, bodies, mutated, questions
from tests.fuzz.reading import carries_body, heads, judge, question

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_the_corpus_stays_small() -> None:
    assert 0 < len(CORPUS) <= 80
    assert sum(file.stat().st_size for file in CORPUS) <= 220_000


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
async def test_what_was_found_once_holds(file: Path) -> None:
    raw = file.read_bytes()
    draw = random.Random(7)

    await judge(raw, range(len(raw)) if len(raw) < 4096 else [])
    for count in (1, 2, 3, 8):
        await judge(raw, [draw.randrange(len(raw) + 1) for _ in range(count)])


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("many-headers", [200, 431]),
        ("longest-and-one", [200, 200, 200]),
        ("one-longer", [200, 431]),
        ("seventy-late", [200] * 70),
        ("empty-then-real", [200, 200, 200]),
        ("obs-fold", [200, 400]),
        ("chunked-and-whole", [200, 400]),
    ],
)
async def test_the_corpus_reaches_what_it_was_made_for(name: str, statuses: list[int]) -> None:
    seen = await judge((Path(__file__).parent / "corpus" / name).read_bytes(), [])

    assert [told.status for told in seen.told] == statuses


@settings(max_examples=examples(500))
@given(st.randoms(use_true_random=False))
async def test_the_proxys_questions_are_all_let_in(draw: random.Random) -> None:
    """The second reading isn't strict beyond reason."""
    raw = questions(draw)

    seen = await judge(raw, [draw.randrange(len(raw)) for _ in range(3)])

    assert [told.facts for told in seen.told] == [question(head) for head in heads(raw)[:-1]]
    assert None not in seen.asked
    assert not seen.closed


@settings(max_examples=examples(5000))
@given(st.integers(0, 2**64), st.lists(st.integers(0, 2**20), max_size=6))
def test_broken_questions_are_answered_as_a_second_reading_reads_them(seed: int, cuts: list[int]) -> None:
    draw = random.Random(seed)

    asyncio.run(judge(mutated(questions(draw), draw), cuts))


@given(st.integers(0, 2**64), st.sampled_from((0, 1)), st.booleans())
async def test_a_body_is_the_end_of_all_reading(seed: int, way: int, before: bool) -> None:
    draw = random.Random(seed)
    good, after = a_question(draw), a_question(draw)
    line, body = bodies(a_question(draw))[way]
    raw = good * before + a_question(draw)[:-2] + line + b"\r\n\r\n" + body + after

    seen = await judge(raw, [draw.randrange(len(raw))])

    assert [told.status for told in seen.told] == [200] * before + [400]
    assert seen.closed
    assert carries_body(raw)


@pytest.mark.parametrize("at", range(len(a_question(random.Random(3))) + 1))
async def test_three_questions_may_be_cut_anywhere(at: int) -> None:
    raw = a_question(random.Random(3))

    seen = await judge(raw * 3, [at, at + len(raw), at + len(raw) + 1])

    assert [told.status for told in seen.told] == [200, 200, 200]
