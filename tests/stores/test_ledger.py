"""The ledger of erasures has everybody once, and shows what was changed in it."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from gateway.core.audit.taken import Loss, TakenAway
from gateway.stores.files.checkpoints import public_key_files, read_public_keys
from gateway.stores.files.ledger import FILE_NAME, Erased, Ledger, LedgerLine, LedgerUnusable, read_ledger

PEOPLE = [Erased(UUID(int=number), 1_790_000_000 + number) for number in range(1, 4)]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path, tmp_path / "data")


def read(ledger: Ledger) -> list[LedgerLine]:
    return read_ledger(ledger.file, read_public_keys(public_key_files(ledger.file.parent)))


def lines(ledger: Ledger) -> list[bytes]:
    return ledger.file.read_bytes().splitlines(keepends=True)


def test_who_was_added_is_read_again_in_order_and_once(ledger: Ledger) -> None:
    ledger.add(PEOPLE[:2])
    ledger.add(PEOPLE)
    ledger.add([PEOPLE[0], PEOPLE[0]])

    assert read(ledger) == PEOPLE
    assert ledger.file.name == FILE_NAME == "erasures.jsonl"


@pytest.mark.parametrize("kept", [[1, 2], [0, 2], [1, 0, 2], [0, 1, 1, 2], [0, 0, 1, 2]])
def test_a_line_that_is_missing_moved_or_doubled_is_found(ledger: Ledger, kept: list[int]) -> None:
    ledger.add(PEOPLE)
    before = lines(ledger)

    ledger.file.write_bytes(b"".join(before[index] for index in kept))

    with pytest.raises(LedgerUnusable):
        read(ledger)
    with pytest.raises(LedgerUnusable):
        ledger.add(PEOPLE)


@pytest.mark.parametrize("line", [b"{}", b"[]", b"null", b'{"jws": 1}', b'{"jws": "a.b.c"}', b"\xff", b""])
def test_what_is_no_line_is_named(ledger: Ledger, line: bytes) -> None:
    ledger.add(PEOPLE)

    ledger.file.write_bytes(b"".join(lines(ledger)) + line + b"\n")

    with pytest.raises(LedgerUnusable, match=f"{FILE_NAME}:4:"):
        read(ledger)


def test_a_line_of_another_key_or_of_another_kind_is_none(
    ledger: Ledger, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger.add(PEOPLE[:1])
    elsewhere = tmp_path_factory.mktemp("other")
    other = Ledger.open(elsewhere, elsewhere)
    other.add(PEOPLE[:1])

    with pytest.raises(LedgerUnusable, match="another key"):
        read_ledger(other.file, read_public_keys(public_key_files(tmp_path)))


@pytest.mark.parametrize("missing", [1, 20])
def test_a_line_that_a_crash_cut_off_is_left_out_and_written_again(ledger: Ledger, missing: int) -> None:
    ledger.add(PEOPLE[:2])
    ledger.file.write_bytes(ledger.file.read_bytes()[:-missing])

    assert read(ledger) == PEOPLE[:1]
    ledger.add(PEOPLE)
    assert read(ledger) == PEOPLE


def test_no_line_holds_more_than_ids_and_times(ledger: Ledger) -> None:
    ledger.add(PEOPLE[:1])

    (line,) = lines(ledger)

    assert set(json.loads(line)) == {"jws"}


def taken(number: int) -> TakenAway:
    return TakenAway(Loss.GROUP, str(UUID(int=1)), f"group-{number}", number)


def test_what_was_taken_away_stands_beside_who_was_erased(ledger: Ledger) -> None:
    ledger.add([PEOPLE[0], taken(1), taken(1)])
    ledger.add([taken(1), taken(2), PEOPLE[1]])

    assert read(ledger) == [PEOPLE[0], taken(1), taken(2), PEOPLE[1]]


def test_what_no_backup_can_bring_back_is_forgotten_and_no_erasure_is(ledger: Ledger) -> None:
    ledger.add([PEOPLE[0], *map(taken, range(150)), PEOPLE[1]])
    ledger.add([taken(150)], forget_before=50)
    before = len(lines(ledger))
    ledger.add([taken(151)], forget_before=149)

    assert before == 153, "too little would go"
    assert read(ledger) == [PEOPLE[0], taken(149), PEOPLE[1], taken(150), taken(151)]
    ledger.add([PEOPLE[2]])
    assert read(ledger)[-1] == PEOPLE[2]
