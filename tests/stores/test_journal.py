"""The file of logouts that Postgres missed, also after a crash in the middle of a line."""

import resource
import signal
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


def test_forgetting_is_whole_or_not_at_all(journal: Journal) -> None:
    """A disk that is full in the middle leaves what was there."""
    journal.append(FIRST)
    journal.append(SECOND)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            journal.forget([FIRST])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    assert journal.waiting() == [FIRST, SECOND]
    assert not list(journal.path.parent.glob("*.new"))


def test_a_line_that_a_full_disk_cut_off_is_an_error_and_swallows_nothing(journal: Journal) -> None:
    journal.append(FIRST)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            journal.append(SECOND)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    journal.append(SECOND)

    assert journal.waiting() == [FIRST, SECOND]


def test_without_a_journal_nothing_is_made_to_look_for_one(journal: Journal) -> None:
    """Workers look all the time, also where the disk takes no new file."""
    assert journal.waiting() == []
    assert list(journal.path.parent.iterdir()) == []


def test_forgetting_all_takes_no_room(journal: Journal) -> None:
    """The disk may be full just then."""
    journal.append(FIRST)
    before = {file.name for file in journal.path.parent.iterdir()}

    journal.forget([FIRST])

    assert {file.name for file in journal.path.parent.iterdir()} == before - {journal.path.name}
    assert journal.waiting() == []


def test_nobody_else_may_read_it(journal: Journal) -> None:
    journal.append(FIRST)
    appended = journal.path.stat().st_mode
    journal.append(SECOND)
    journal.forget([FIRST])

    assert appended & 0o077 == 0
    assert journal.path.stat().st_mode & 0o077 == 0
