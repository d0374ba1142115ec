"""Fuzzing guided by coverage: python -m tests.fuzz.target CORPUS_DIR -runs=N, with atheris installed beside the rest.

Half of what it tries is broken by us, as questions are, and half by libFuzzer. An input that breaks a promise is left
in the current directory, and belongs into the corpus.
"""

import asyncio
import importlib
import random
import sys

_atheris = importlib.import_module("atheris")  # has no types, and no wheels for every platform
with _atheris.instrument_imports(include=["gateway.core", "gateway.web.forward_auth"]):
    from gateway.core.forward.request import MalformedRequest, read_request
    from tests.fuzz.mutate import mutated, questions
    from tests.fuzz.reading import judge

_LOOP = asyncio.new_event_loop()
_MOST_CUTS = 6


def one_input(raw: bytes) -> None:
    """The whole protocol, and the reader of headers without a parser before it."""
    draw = random.Random(raw)
    cuts = [draw.randrange(len(raw) + 1) for _ in range(draw.randrange(_MOST_CUTS))]
    _LOOP.run_until_complete(judge(raw, cuts))
    pairs = [(name, value) for name, _, value in (line.partition(b": ") for line in raw.split(b"\r\n"))]
    try:
        request = read_request(pairs)
    except MalformedRequest:
        return
    assert request.path.startswith("/")
    assert request.host == request.host.lower()


def broken(raw: bytes, most: int, seed: int) -> bytes:
    draw = random.Random(seed)
    if draw.random() < 0.5:
        mutant: bytes = _atheris.Mutate(raw, most)
        return mutant
    return mutated(raw if raw.strip(b"\n") else questions(draw), draw)[:most]


if __name__ == "__main__":
    _atheris.Setup([*sys.argv, "-max_len=70000"], one_input, custom_mutator=broken)
    _atheris.Fuzz()
