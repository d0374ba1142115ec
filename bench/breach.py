"""How fast the index of breached passwords is built and asked, at the density that 900 million of them have."""

import random
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.figures import Figure
from gateway.stores.files.breach_import import import_corpus, parts_of
from gateway.stores.files.breach_index import BreachIndex, IndexHeader

_HASHES: Final = 3_000_000
_ALL: Final = 900_000_000
_ASKED: Final = 50_000


def dense_corpus(path: Path, count: int) -> list[bytes]:
    """A file in order of hash, in so few of the buckets that each has as many as in the real one. 8 bytes of each."""
    source, part = random.Random(7), _ALL // count
    drawn = source.randbytes(8 * count)
    digests = sorted(
        (int.from_bytes(drawn[at : at + 8], "big") // part).to_bytes(8, "big") for at in range(0, len(drawn), 8)
    )
    with path.open("w") as file:
        file.writelines(f"{digest.hex().upper()}{'0' * 24}:3\r\n" for digest in digests)
    return digests


def breach_figures(repetitions: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        corpus, target = Path(name, "hashes"), Path(name, "index")
        digests = dense_corpus(corpus, _HASHES)
        imports = [_import_per_s(corpus, target) for _ in range(repetitions)]
        asked = [digest + bytes(12) for digest in random.Random(8).sample(digests, _ASKED)]
        lookups = [_lookup_us(BreachIndex(target), asked) for _ in range(repetitions)]
    bits = IndexHeader(_ALL, 1, 0).file_bytes * 8 / _ALL
    return [
        Figure.of("breach.import_per_s", imports),
        Figure.of("breach.lookup_us", lookups),
        Figure.of("breach.bits_per_hash", [bits]),
    ]


def _import_per_s(corpus: Path, target: Path) -> float:
    """Of CPU: it waits for the disk besides."""
    began = time.process_time()
    header = import_corpus(parts_of([corpus]), target, 1, 0, lambda _done, _of: None)
    return header.count / (time.process_time() - began)


def _lookup_us(index: BreachIndex, asked: list[bytes]) -> float:
    """Of CPU, with the file in memory."""
    began = time.process_time()
    assert all(map(index.has, asked))
    return (time.process_time() - began) / len(asked) * 1e6
