"""What is personal in the log opens with the key of its month and its subject's, and with neither alone."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway.core.privacy.periods import Period, month_after, month_of, month_sealed
from gateway.core.privacy.sealing import BrokenSeal, DataKey, Place

ADA = DataKey(b"a" * 32)
NOVEMBER, DECEMBER = Period("2026-11", DataKey(b"n" * 32)), Period("2026-12", DataKey(b"d" * 32))
PLACE = Place("audit_entries", "personal", UUID(int=1))
END_OF_NOVEMBER = int(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp())
WORDS = {"address": "203.0.113.7", "diff": ["-a", "+b"]}


@pytest.mark.parametrize("subject", [ADA, None])
def test_what_is_sealed_comes_back_and_names_its_month(subject: DataKey | None) -> None:
    sealed = NOVEMBER.seal(PLACE, WORDS, subject, END_OF_NOVEMBER)

    assert sealed.startswith(b"2.gAAAA")
    assert month_sealed(sealed) == "2026-11"
    assert NOVEMBER.unseal(PLACE, sealed, subject) == WORDS


@pytest.mark.parametrize(
    ("period", "subject"),
    [
        (NOVEMBER, None),
        (NOVEMBER, DataKey(b"e" * 32)),
        (Period("2026-11", DECEMBER.key), ADA),
    ],
    ids=["without the person's key", "with another person's", "without the month's"],
)
def test_one_key_alone_opens_nothing(period: Period, subject: DataKey | None) -> None:
    sealed = NOVEMBER.seal(PLACE, WORDS, ADA, END_OF_NOVEMBER)

    with pytest.raises(BrokenSeal):
        period.unseal(PLACE, sealed, subject)


def test_an_entry_of_another_month_names_the_month_that_it_is_sealed_under() -> None:
    sealed = DECEMBER.seal(PLACE, WORDS, None, END_OF_NOVEMBER)

    assert month_sealed(sealed) == "2026-12"
    assert DECEMBER.unseal(PLACE, sealed, None) == WORDS


def test_what_was_sealed_before_there_were_months_has_none() -> None:
    assert month_sealed(ADA.seal(PLACE, {"name": "ada"})) is None


@pytest.mark.parametrize("garbage", [b"2.", b"2.gAA", b"2.\xff\xff\xff\xff", b"2.gP__________"])
def test_garbage_is_no_seal(garbage: bytes) -> None:
    with pytest.raises(BrokenSeal):
        month_sealed(garbage)


def test_a_month_begins_and_ends_in_utc() -> None:
    assert (month_of(END_OF_NOVEMBER), month_of(END_OF_NOVEMBER + 1)) == ("2026-11", "2026-12")


@pytest.mark.parametrize(
    ("month", "after"), [("2026-11", "2026-12"), ("2026-12", "2027-01"), ("2027-01", "2027-02"), ("0999-12", "1000-01")]
)
def test_the_month_after_is_the_next_one(month: str, after: str) -> None:
    assert month_after(month) == after


def test_a_term_is_of_one_month_one_field_and_one_value() -> None:
    terms = {
        NOVEMBER.term("address", "203.0.113.7"),
        DECEMBER.term("address", "203.0.113.7"),
        NOVEMBER.term("address", "203.0.113.8"),
        NOVEMBER.term("host", "203.0.113.7"),
        Period("2026-12", NOVEMBER.key).term("address", "203.0.113.7"),
    }

    assert len(terms) == 5
    assert NOVEMBER.term("address", "203.0.113.7") in terms
