"""What is asked of a login, as canonical text: read back as it was written, and met or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assurance.model import ACRS, HWK, OTP, PWD, RECOVERY, SWK, USER, Assurance, acr_of, amr_values
from gateway.core.assurance.need import NOTHING, Need, met, read_need

NOW = 1_800_000_000
needs = st.builds(
    Need,
    mfa=st.booleans(),
    acr=st.sampled_from(["", *ACRS]),
    within_s=st.integers(0, 999_999_999),
    since=st.integers(0, 99_999_999_999),
    amr=st.integers(0, 31),
)


def password(ago: int = 0) -> Assurance:
    return Assurance(NOW - ago, 0, PWD)


def totp(ago: int = 0, second_ago: int = 0) -> Assurance:
    return Assurance(NOW - ago, NOW - second_ago, PWD | OTP)


@pytest.mark.parametrize(
    ("assurance", "acr", "values"),
    [
        (password(), "1", ("pwd",)),
        (totp(), "2", ("pwd", "otp", "mfa")),
        (Assurance(NOW, NOW, PWD | RECOVERY), "2", ("pwd", "otp", "mfa")),
        (Assurance(NOW, NOW, PWD | HWK), "phr", ("pwd", "hwk", "mfa")),
        (Assurance(NOW, NOW, PWD | SWK), "phr", ("pwd", "swk", "mfa")),
        (Assurance(NOW, NOW, HWK | USER), "phr", ("hwk", "user", "mfa")),
        (Assurance(NOW, 0, HWK | USER), "1", ("hwk", "user")),
        (Assurance(NOW, 0, 0), "1", ()),
        (Assurance(NOW, NOW, 0), "2", ("mfa",)),
    ],
)
def test_each_login_is_told_by_what_it_proved(assurance: Assurance, acr: str, values: tuple[str, ...]) -> None:
    assert acr_of(assurance) == acr
    assert amr_values(assurance) == values


@pytest.mark.parametrize(
    ("need", "assurance", "is_met"),
    [
        ("", password(10**6), True),
        ("", Assurance(0, 0, 0), True),
        ("within=300", password(300), True),
        ("within=300", password(301), False),
        ("within=300", totp(301, 0), False),
        ("since=1799999999", password(1), True),
        ("since=1799999999", password(2), False),
        ("mfa", password(), False),
        ("mfa", totp(10**6, 10**6), True),
        ("mfa", Assurance(NOW, NOW, 0), True),
        ("mfa;within=60", totp(60, 60), True),
        ("mfa;within=60", totp(61, 60), False),
        ("mfa;within=60", totp(60, 61), False),
        ("mfa;since=1800000000", totp(0, 1), False),
        ("acr=1", password(), True),
        ("acr=2", password(), False),
        ("acr=2", totp(), True),
        ("acr=2", Assurance(NOW, NOW, PWD | HWK), True),
        ("acr=phr", totp(), False),
        ("acr=phr", Assurance(NOW, NOW, PWD | SWK), True),
        ("acr=phr", Assurance(NOW, 0, PWD | SWK), False),
        ("acr=phr;within=60", Assurance(NOW, NOW - 61, PWD | SWK), False),
        ("acr=phrh", Assurance(NOW, NOW, 63), False),
        ("amr=1", password(), True),
        ("amr=1", Assurance(NOW, NOW, HWK | USER), False),
        ("within=60;amr=1", password(60), True),
        ("amr=2", Assurance(NOW, NOW, PWD | RECOVERY), True),
        ("amr=2", Assurance(NOW, 0, PWD | OTP), False),
        ("amr=4", Assurance(NOW, NOW, PWD | SWK), False),
        ("amr=20", Assurance(NOW, NOW, HWK | USER), True),
        ("amr=20", Assurance(NOW, NOW, PWD | HWK), False),
        ("within=60;amr=4", Assurance(NOW, NOW - 61, PWD | HWK), False),
        # As the versions before wrote them.
        ("authenticated:300", password(300), True),
        ("authenticated:300", password(301), False),
        ("authenticated:300", totp(301), False),
        # What nobody can read, nobody meets.
        ("mfa ", totp(), False),
        ("mfa;", totp(), False),
        (";mfa", totp(), False),
        ("mfa;mfa", totp(), False),
        ("within=60;mfa", totp(), False),
        ("within=0", totp(), False),
        ("within=060", totp(), False),
        ("authenticated:", totp(), False),
        ("authenticated:-1", totp(), False),
        ("authenticated:300;mfa", totp(), False),
        ("amr=32", Assurance(NOW, NOW, 63), False),
        ("acr=3", totp(), False),
        ("something new", totp(), False),
        ("mfa;something=new", totp(), False),
    ],
)
def test_a_need_is_met_on_the_second_and_an_unknown_one_never(need: str, assurance: Assurance, is_met: bool) -> None:
    assert met(read_need(need), assurance, NOW) is is_met


@given(needs)
def test_a_need_survives_the_round_trip(need: Need) -> None:
    assert read_need(need.text) == need


@given(st.text())
def test_any_text_is_a_need_that_is_canonical_old_or_never_met(text: str) -> None:
    need = read_need(text)

    assert not need.known or need.text == text or text.startswith("authenticated:")


def test_no_text_is_no_need() -> None:
    assert read_need("") == NOTHING
    assert NOTHING.text == ""


@given(needs, needs, st.builds(Assurance, st.integers(0, NOW), st.integers(0, NOW), st.integers(0, 63)))
def test_two_needs_together_are_met_by_no_more_than_each(one: Need, other: Need, assurance: Assurance) -> None:
    """By less only where a factor's age begins to matter because the other one asks for a second factor."""
    both = met(one.and_also(other), assurance, NOW)

    if both:
        assert met(one, assurance, NOW)
        assert met(other, assurance, NOW)
