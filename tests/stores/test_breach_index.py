"""The index of breached passwords knows all of them and hardly any other, and an import is whole or not there."""

import fcntl
import os
import random
import time
from pathlib import Path

import pytest

from bench.breach import dense_corpus
from gateway.stores.files.breach_import import BadCorpus, ImportSteps, import_corpus, parts_of
from gateway.stores.files.breach_index import RESTS_AT, BreachIndex, IndexHeader, NoIndex
from tests.breached import ordered_file, range_directory, sha1_of
from tests.exhaustive import EXHAUSTIVE

KNOWN = {f"password {number}": number + 1 for number in range(2000)}
STEPS = ImportSteps(chunk_bytes=1000, save_bytes=3000)
NOW = 1_796_000_000


def silent(_done: int, _of: int) -> None:
    """Of no interest."""


def built(target: Path, *sources: Path, min_count: int = 1) -> IndexHeader:
    return import_corpus(parts_of(sources), target, min_count, NOW, silent)


def knows(index: Path, password: str) -> bool:
    return BreachIndex(index).has(bytes.fromhex(sha1_of(password)))


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_all_of_a_file_are_found_and_others_are_not(tmp_path: Path, end: str) -> None:
    target = tmp_path / "index"

    header = built(target, ordered_file(tmp_path / "hashes.txt", KNOWN, end))

    index = BreachIndex(target)
    assert header == index.header() == IndexHeader(2000, 1, NOW)
    assert all(index.has(bytes.fromhex(sha1_of(password))) for password in KNOWN)
    assert not any(index.has(bytes.fromhex(sha1_of(f"other {number}"))) for number in range(2000))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hashes.txt", "index"]


def test_a_directory_of_ranges_makes_the_same_index_as_a_file(tmp_path: Path) -> None:
    built(tmp_path / "one", ordered_file(tmp_path / "hashes.txt", KNOWN))
    built(tmp_path / "other", range_directory(tmp_path / "ranges", KNOWN))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_parts_in_any_order_make_the_same_index_as_the_whole(tmp_path: Path) -> None:
    whole = ordered_file(tmp_path / "hashes.txt", KNOWN).read_text().splitlines(keepends=True)
    for name, lines in (("b", whole[:700]), ("a", whole[700:])):
        (tmp_path / name).write_text("".join(lines))
    built(tmp_path / "one", tmp_path / "hashes.txt")
    built(tmp_path / "other", tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_first_and_the_last_hash_of_all_are_found(tmp_path: Path) -> None:
    (tmp_path / "hashes").write_text(f"{'0' * 40}:1\n{'f' * 40}:1\n")
    built(tmp_path / "index", tmp_path / "hashes")
    index = BreachIndex(tmp_path / "index")

    assert index.has(bytes(20))
    assert index.has(b"\xff" * 20)
    assert not index.has(bytes(5) + b"\x01" + bytes(14))
    assert not index.has(b"\xff" * 5 + b"\xfe" + b"\xff" * 14)


def test_a_rest_that_lies_across_two_others_is_not_found(tmp_path: Path) -> None:
    bucket = "ABCDEF"
    (tmp_path / "hashes").write_text(
        "".join(f"{bucket}{rest}{'0' * 28}:1\n" for rest in ("010203", "040506", "050607"))
    )
    built(tmp_path / "index", tmp_path / "hashes")
    index = BreachIndex(tmp_path / "index")

    assert not index.has(bytes.fromhex(f"{bucket}030405{'0' * 28}"))
    assert index.has(bytes.fromhex(f"{bucket}050607{'0' * 28}")), "also where it lies across others first"


@pytest.mark.parametrize("as_directory", [False, True])
def test_what_was_seen_less_often_is_left_out(tmp_path: Path, as_directory: bool) -> None:
    make = range_directory if as_directory else ordered_file
    source = make(tmp_path / "source", {"once": 1, "twice": 2, "often": 300})

    assert built(tmp_path / "index", source, min_count=2) == IndexHeader(2, 2, NOW)
    assert [knows(tmp_path / "index", one) for one in ("once", "twice", "often")] == [False, True, True]


def test_lines_that_pad_a_range_are_no_passwords(tmp_path: Path) -> None:
    source = range_directory(tmp_path / "source", {"once": 1, "padding": 0})

    assert built(tmp_path / "index", source).count == 1
    assert not knows(tmp_path / "index", "padding")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["A" * 40 + ":1", "9" * 40 + ":1"], "not in order of hash"),
        (["A" * 32 + ":1"], "40 hex digits of SHA-1"),
        (["A" * 40], "40 hex digits of SHA-1"),
        (["A" * 40 + ":1", "", "B" * 40 + ":1"], "40 hex digits of SHA-1"),
        (["G" * 40 + ":1"], "not hex"),
        ([" A" * 20 + ":1"], "not hex"),
    ],
)
def test_what_is_no_corpus_is_refused_and_leaves_the_old_index(tmp_path: Path, lines: list[str], says: str) -> None:
    built(tmp_path / "index", ordered_file(tmp_path / "good", {"known": 1}))
    (tmp_path / "bad").write_text("\n".join(lines) + "\n")

    with pytest.raises(BadCorpus, match=says):
        built(tmp_path / "index", tmp_path / "bad")

    assert knows(tmp_path / "index", "known")


def test_a_directory_with_anything_else_in_it_is_refused(tmp_path: Path) -> None:
    directory = range_directory(tmp_path / "ranges", KNOWN)
    (directory / "README").write_text("hello")

    with pytest.raises(BadCorpus, match="has README"):
        parts_of([directory])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadCorpus, match="is empty"):
        parts_of([tmp_path / "empty"])


@pytest.mark.parametrize("as_directory", [False, True])
def test_an_import_that_ended_early_goes_on_and_makes_the_same_index(tmp_path: Path, as_directory: bool) -> None:
    """Small steps, so that there are many; what was read before the stop is not read again."""
    make = range_directory if as_directory else ordered_file
    source = make(tmp_path / "source", KNOWN)
    built(tmp_path / "whole", source)
    seen: list[int] = []

    def stops(done: int, _of: int) -> None:
        seen.append(done)
        if len(seen) % 20 == 0:
            raise KeyboardInterrupt

    parts, target = parts_of([source]), tmp_path / "index"
    for _ in range(100):
        try:
            import_corpus(parts, target, 1, NOW, stops, STEPS)
            break
        except KeyboardInterrupt:
            assert not target.exists()

    assert target.read_bytes() == (tmp_path / "whole").read_bytes()
    assert len(seen) > 60
    assert len([done for done in seen if done == seen[0]]) < 3, "it began anew each time"
    assert not (tmp_path / "index.state").exists()


def test_another_corpus_or_count_does_not_go_on_where_one_stopped(tmp_path: Path) -> None:
    first, second = ordered_file(tmp_path / "a", KNOWN), ordered_file(tmp_path / "b", {"one": 1, "two": 2})

    def stops(done: int, _of: int) -> None:
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_corpus(parts_of([first]), tmp_path / "index", 1, NOW, stops, STEPS)
    assert (tmp_path / "index.state").exists()

    assert built(tmp_path / "index", second).count == 2
    with pytest.raises(KeyboardInterrupt):
        import_corpus(parts_of([first]), tmp_path / "index", 1, NOW, stops, STEPS)
    assert built(tmp_path / "index", first, min_count=1001).count == 1000
    assert [knows(tmp_path / "index", f"password {number}") for number in (999, 1000, 1999)] == [False, True, True]


def test_two_imports_at_once_do_not_write_into_one_file(tmp_path: Path) -> None:
    source = ordered_file(tmp_path / "a", {"one": 1})
    with (tmp_path / "index.building").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BadCorpus, match="another import"):
            built(tmp_path / "index", source)

    assert built(tmp_path / "index", source).count == 1


def test_a_new_index_is_used_by_who_has_the_old_one_open(tmp_path: Path) -> None:
    built(tmp_path / "index", ordered_file(tmp_path / "a", {"one": 1}))
    index = BreachIndex(tmp_path / "index")
    one, two = (bytes.fromhex(sha1_of(word)) for word in ("one", "two"))
    assert (index.has(one), index.has(two)) == (True, False)

    built(tmp_path / "index", ordered_file(tmp_path / "b", {"two": 1}))

    assert (index.has(one), index.has(two)) == (False, True)


@pytest.mark.parametrize("cut", [0, 10, RESTS_AT - 1, RESTS_AT + 2])
def test_what_is_no_whole_index_is_not_asked(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "index"
    built(path, ordered_file(tmp_path / "a", {"one": 1}))
    os.truncate(path, cut)

    with pytest.raises(NoIndex):
        knows(path, "one")
    path.unlink()
    with pytest.raises(NoIndex, match="can't be read"):
        knows(path, "one")


def test_counts_that_were_damaged_on_the_disk_are_an_error_and_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "index"
    built(path, ordered_file(tmp_path / "a", {"one": 1}))
    with path.open("r+b") as file:
        file.seek(64)
        file.write(b"\xff" * (RESTS_AT - 64))

    with pytest.raises(NoIndex, match="damaged"):
        knows(path, "one")


@pytest.mark.skipif(not EXHAUSTIVE, reason="EXHAUSTIVE=1: 10 million hashes")
def test_ten_million_hashes_are_all_found_and_four_in_a_million_others(tmp_path: Path) -> None:
    """At the density of 900 million: all in the first part of the buckets. Figures for docs/passwords.md."""
    rng, many = random.Random(8), 10_000_000
    digests = dense_corpus(tmp_path / "hashes", many)
    began = time.process_time()
    header = built(tmp_path / "index", tmp_path / "hashes")
    took_s = time.process_time() - began
    index, asked = BreachIndex(tmp_path / "index"), rng.sample(digests, 100_000)

    began_asking = time.perf_counter()
    assert all(index.has(digest + bytes(12)) for digest in asked)
    us = (time.perf_counter() - began_asking) / len(asked) * 1e6
    others = [(rng.getrandbits(64) // 90).to_bytes(8, "big") + bytes(12) for _ in range(1_000_000)]
    wrong = sum(index.has(digest) for digest in others)

    print(f"{header.count / took_s:,.0f} a second, {us:.1f} us a lookup, {wrong} false in a million")
    assert many - 1000 < header.count <= many
    assert wrong < 12
