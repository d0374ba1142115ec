"""Advisory locks are one space of numbers for the whole database: they stand in one file."""

import re
from pathlib import Path

from gateway.stores.postgres import locks

GATEWAY = Path(locks.__file__).resolve().parents[2]
NUMBERS = [value for name, value in vars(locks).items() if name.isupper()]


def test_no_two_locks_have_one_number() -> None:
    assert len(NUMBERS) == len(set(NUMBERS)) == 13


def test_whoever_takes_a_lock_takes_its_number_from_the_file() -> None:
    calls = [
        call
        for file in GATEWAY.rglob("*.py")
        for call in re.findall(r"pg_(?:try_)?advisory_\w+\(([^)]*)\)?", file.read_text())
    ]

    assert len(calls) >= 7
    assert all(call.startswith("$1") for call in calls)
