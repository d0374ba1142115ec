"""Fuzzing guided by coverage: what it does with an input holds for a sample, and it runs where atheris is installed."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.forward.keys import basic
from tests.fuzz.inputs import broken, one_input

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
RUNS = 2000


def reversed_bytes(raw: bytes, most: int) -> bytes:
    return raw[::-1][:most]


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda file: file.name)
def test_an_input_of_the_corpus_breaks_no_promise(file: Path) -> None:
    one_input(file.read_bytes())


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes_break_no_promise(seed: int) -> None:
    draw = random.Random(seed)
    for size in (0, 1, 2, 20, 200, 5000):
        one_input(draw.randbytes(size))
        one_input(bytes(draw.choice(b"GET /decide\r\n: HTP1.0") for _ in range(size)))


@pytest.mark.parametrize("key", [f"bst_{'x' * size}" for size in (0, 96, 97, 98)])
def test_a_question_with_a_key_that_nobody_made_breaks_no_promise(key: str) -> None:
    raw = (CORPUS / "one-question").read_bytes().removesuffix(b"\r\n")

    for line in (f"X-Api-Key: {key}", f"Authorization: Bearer {key}", f"Authorization: {basic(key)}"):
        one_input(raw + line.encode() + b"\r\n\r\n")


def test_half_of_the_mutants_are_ours_and_none_is_too_long() -> None:
    raw = (CORPUS / "one-question").read_bytes()

    found = [broken(raw, 300, seed, reversed_bytes) for seed in range(400)]

    assert 120 <= found.count(raw[::-1][:300]) <= 280
    assert max(map(len, found)) <= 300
    assert len(set(found)) > 100
    for mutant in found:
        one_input(mutant)


def test_it_runs_guided_by_coverage(tmp_path: Path) -> None:
    """Bounded by its number of inputs; which it tries is up to the libFuzzer's seed."""
    pytest.importorskip("atheris", reason="atheris is installed by hand, see CONTRIBUTING.md")
    shutil.copytree(CORPUS, tmp_path / "corpus")
    argv = [sys.executable, "-m", "tests.fuzz.target", str(tmp_path / "corpus"), f"-runs={RUNS}", "-seed=7"]

    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        argv, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr[-4000:]
    assert f"Done {RUNS} runs" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"], "nothing stopped it"
