"""The file of logouts that Postgres missed, also after a crash in the middle of a line."""

from pathlib import Path

import pytest

from gateway.stores.files.journal import EndedLogin, Journal

FIRST, SECOND = EndedLogin("a" * 22, 1, "one"), EndedLogin("b" * 22, 2, "two")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "ended")


def test_what_is_appended_waits_in_order_until_it_is_forgotten(journal: Journal) -> None:
    journal.append(FIRST)
    journal.append(SECOND)

    waiting = journal.waiting()
    journal.forget([FIRST])

    assert waiting == [FIRST, SECOND]
    assert journal.waiting() == [SECOND]


def test_a_line_cut_off_at_any_byte_swallows_neither_what_stood_before_it_nor_what_comes_after(
    journal: Journal,
) -> None:
    journal.append(FIRST)
    whole = journal.path.read_bytes()

    for cut in range(len(whole) + 1):
        journal.path.write_bytes(whole + whole[:cut])
        journal.append(SECOND)
        waiting = journal.waiting()
        journal.forget([SECOND])

        assert waiting[0] == FIRST
        assert waiting[-1] == SECOND
        assert SECOND not in journal.waiting()
        assert FIRST in journal.waiting()
