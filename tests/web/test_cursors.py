"""Links to the next page are read back as they were written, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.web.cursors import MOST_DIGITS, time_and_id, whole_number

MOST = 10**MOST_DIGITS - 1


@given(st.integers(0, MOST), st.binary(min_size=1, max_size=32))
def test_a_link_is_read_back_as_it_was_written(at: int, row_id: bytes) -> None:
    assert whole_number(str(at)) == at
    assert time_and_id(f"{at}.{b64(row_id)}") == (at, row_id)


@given(st.text())
def test_any_text_is_a_number_that_postgres_takes_or_none(text: str) -> None:
    number, row = whole_number(text), time_and_id(text)

    assert number is None or 0 <= number <= MOST
    assert row is None or 0 <= row[0] <= MOST


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1_0", "\u0661", "1.0", str(MOST + 1), "9" * 5_000])
def test_what_no_page_links_is_no_number(text: str) -> None:
    assert whole_number(text) is None
    assert time_and_id(f"{text}.AAAA") is None
