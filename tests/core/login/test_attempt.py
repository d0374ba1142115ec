"""The proofs beside the login form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.login.attempt import (
    Device,
    Typed,
    csrf_holds,
    csrf_token,
    knows,
    parse_device,
    remember,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
COOKIE = "c" * 43
FRESH = b"d" * 16


def test_a_token_holds_with_its_cookie_and_key_only() -> None:
    token = csrf_token(KEY, COOKIE)

    assert csrf_holds(KEY, COOKIE, token)
    assert not csrf_holds(KEY, "e" * 43, token)
    assert not csrf_holds(OTHER_KEY, COOKIE, token)
    assert not csrf_holds(KEY, COOKIE, "")
    assert not csrf_holds(KEY, "", csrf_token(KEY, ""))


@given(cookie=st.text(), token=st.text())
def test_no_text_crashes_the_comparison_or_holds(cookie: str, token: str) -> None:
    assert not csrf_holds(KEY, cookie, token)


def test_a_device_knows_who_signed_in_from_it_however_they_spell_it() -> None:
    device = parse_device(remember(KEY, Device("", ()), "Ada", FRESH))

    assert knows(KEY, device, "ada ")
    assert not knows(KEY, device, "bob")
    assert not knows(OTHER_KEY, device, "ada")
    assert not knows(KEY, Device("x" * 22, device.known), "ada")


def test_a_browser_without_a_device_cookie_is_known_to_nobody() -> None:
    assert not knows(KEY, Device("", ()), "ada")


def test_a_device_keeps_its_id_and_its_eight_newest_people() -> None:
    text = ""
    for number in range(10):
        text = remember(KEY, parse_device(text), f"person{number}", FRESH)
    device = parse_device(text)

    assert len(text) <= 256
    assert [knows(KEY, device, f"person{number}") for number in range(10)] == [False, False, *[True] * 8]


@given(st.text())
def test_any_text_parses_to_a_device(text: str) -> None:
    assert parse_device(text) in (Device("", ()), parse_device(text))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=8))
def test_a_device_cookie_survives_the_round_trip(names: list[str]) -> None:
    text = ""
    for name in names:
        text = remember(KEY, parse_device(text), name, FRESH)

    assert all(knows(KEY, parse_device(text), name) for name in names)


@pytest.mark.parametrize(
    ("name", "password", "plausible"),
    [
        ("a" * 254, "p" * 1024, True),
        ("a" * 255, "p", False),
        ("a", "p" * 1025, False),
        ("", "p", False),
        ("a", "", False),
        ("a\0", "p", False),
    ],
)
def test_only_plausible_attempts_are_looked_up(name: str, password: str, plausible: bool) -> None:
    assert Typed(name, password, keep=False).plausible is plausible


def test_a_password_is_in_no_representation() -> None:
    assert "hunter2" not in repr(Typed("ada", "hunter2", keep=False))
