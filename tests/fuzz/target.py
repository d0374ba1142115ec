"""Fuzzing guided by coverage: python -m tests.fuzz.target CORPUS_DIR -runs=N, with atheris installed beside the rest.

Half of what it tries is broken by us, as questions are, and half by libFuzzer. An input that breaks a promise is left
in the current directory, and belongs into the corpus.
"""

import importlib
import sys

_atheris = importlib.import_module("atheris")  # has no types, and no wheels for every platform
with _atheris.instrument_imports(include=["gateway.core", "gateway.web.forward_auth"]):
    from tests.fuzz.inputs import broken, one_input


def mutant(raw: bytes, most: int, seed: int) -> bytes:
    return broken(raw, most, seed, _atheris.Mutate)


if __name__ == "__main__":
    _atheris.Setup([*sys.argv, "-max_len=70000"], one_input, custom_mutator=mutant)
    _atheris.Fuzz()
