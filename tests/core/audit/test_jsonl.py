"""An exported line says all that the chain covers, and nothing else passes for one."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit.chain import GENESIS, Link, Stored, first_fault, link
from gateway.core.audit.jsonl import BadLine, jsonl, read_jsonl

ENTRIES = st.builds(
    Stored,
    id=st.integers(-(2**63), 2**63 - 1),
    kind=st.text(),
    at=st.integers(-(2**63), 2**63 - 1),
    actor=st.text(),
    subject=st.none() | st.uuids(),
    detail=st.text(),
    personal=st.binary(),
    request_id=st.text(),
)
LINK = link(GENESIS, 1, Stored(7, "login", 5, "ada", None, "{}", b"sealed", "r"))
LINE: dict[str, Any] = json.loads(jsonl(LINK))


@given(ENTRIES)
def test_a_link_reads_back_and_follows(entry: Stored) -> None:
    written = link(GENESIS, 1, entry)

    line = jsonl(written, {"address": "203.0.113.7"})
    read = read_jsonl(line)

    assert read == written
    assert first_fault(GENESIS, 0, [read]) is None
    assert line.isascii()
    assert len(line.splitlines()) == 1


def test_words_are_written_only_where_they_are_handed_over() -> None:
    assert "readable" not in LINE
    assert json.loads(jsonl(LINK, {"name": "Ada"}))["readable"] == {"name": "Ada"}
    assert read_jsonl(jsonl(replace(LINK, entry=replace(LINK.entry, personal=b"")))).entry.personal == b""


@pytest.mark.parametrize("name", LINE)
@pytest.mark.parametrize("value", [1.5, True, [], {}, "\u00e9", "x", -1, 2**70])
def test_a_field_of_another_type_is_refused_or_changes_the_hash(name: str, value: object) -> None:
    line = json.dumps(LINE | {name: value})

    try:
        read = read_jsonl(line)
    except BadLine:
        return
    assert first_fault(GENESIS, 0, [read]) is not None


@pytest.mark.parametrize("name", LINE)
def test_a_missing_field_is_refused(name: str) -> None:
    with pytest.raises(BadLine):
        read_jsonl(json.dumps({key: value for key, value in LINE.items() if key != name}))


@given(st.text() | st.binary() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_any_other_line_is_refused(line: str | bytes) -> None:
    with pytest.raises(BadLine):
        read_jsonl(line)


def test_no_depth_of_nesting_is_more_than_a_bad_line() -> None:
    with pytest.raises(BadLine):
        read_jsonl("[" * 100_000)


def test_a_link_is_made_of_positions_that_the_chain_can_hash() -> None:
    read: Link = read_jsonl(json.dumps(LINE | {"position": 2**63 - 1}))

    assert first_fault(read.prev_hash, 2**63 - 2, [read]) is not None
