"""The chain shows every entry that was changed, taken out, moved or put in."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from gateway.core.audit.chain import GENESIS, Link, Stored, chain, first_fault, link


def entry(number: int) -> Stored:
    return Stored(number, "login", 1_790_000_000 + number, "ada", UUID(int=number), '{"a":1}', b"sealed", f"r{number}")


LINKS = chain(GENESIS, 0, [entry(number) for number in range(1, 6)])


def test_an_untouched_chain_has_no_fault() -> None:
    assert first_fault(GENESIS, 0, LINKS) is None


def test_a_chain_goes_on_where_it_stopped() -> None:
    more = chain(LINKS[-1].hash, LINKS[-1].position, [entry(6)])

    assert first_fault(GENESIS, 0, [*LINKS, *more]) is None


CHANGES: dict[str, Callable[[Stored], Stored]] = {
    "id": lambda one: replace(one, id=99),
    "kind": lambda one: replace(one, kind="logout"),
    "time": lambda one: replace(one, at=one.at + 1),
    "actor": lambda one: replace(one, actor="eve"),
    "subject": lambda one: replace(one, subject=None),
    "detail": lambda one: replace(one, detail="{}"),
    "personal": lambda one: replace(one, personal=b""),
    "request id": lambda one: replace(one, request_id=""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_column_carries_weight(change: Callable[[Stored], Stored]) -> None:
    touched = [*LINKS[:2], replace(LINKS[2], entry=change(LINKS[2].entry)), *LINKS[3:]]

    assert (
        first_fault(GENESIS, 0, touched) == f"position 3 (entry {change(entry(3)).id}) was changed after it was linked"
    )


TAMPERED: dict[str, list[Link]] = {
    "first taken out": LINKS[1:],
    "one taken out": LINKS[:2] + LINKS[3:],
    "two exchanged": [LINKS[0], LINKS[2], LINKS[1], *LINKS[3:]],
    "one taken out and the rest renumbered": LINKS[:2] + [replace(one, position=one.position - 1) for one in LINKS[3:]],
    "one put in": [*LINKS[:2], link(LINKS[1].hash, 3, entry(77)), *LINKS[2:]],
    "one twice": [*LINKS[:2], LINKS[1], *LINKS[2:]],
}


@pytest.mark.parametrize("links", TAMPERED.values(), ids=TAMPERED)
def test_each_kind_of_tampering_shows(links: list[Link]) -> None:
    assert first_fault(GENESIS, 0, links) is not None
