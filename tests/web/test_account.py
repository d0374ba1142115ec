"""What the account page says after something was ended is made of our own cookie, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.browsers import browser_name
from gateway.core.session.cookies import ENDED_COOKIE, read_cookies
from gateway.web.account import ended_one, what_ended

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def test_one_device_is_named() -> None:
    assert what_ended(ended_one(FIREFOX)) == "Firefox on Linux was signed out."
    assert what_ended(ended_one("")) == "That device was signed out before."


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "No other device is signed in."),
        (1, "1 other device was signed out."),
        (2, "2 other devices were signed out."),
    ],
)
def test_several_devices_are_counted(count: int, said: str) -> None:
    assert what_ended(f"others.{count}") == said


@pytest.mark.parametrize("cookie", ["", "one", "one.!", "one.a", "others.", "others.-1", "others.٣", "x.1", "one.YQ\n"])
def test_anything_else_says_nothing(cookie: str) -> None:
    assert what_ended(cookie) == ""


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_every_user_agent_fits_into_a_cookie_that_is_read_back(user_agent: str) -> None:
    value = ended_one(user_agent)

    assert read_cookies([f"{ENDED_COOKIE}={value}".encode()])[ENDED_COOKIE] == value
    assert what_ended(value)
    if user_agent and len(browser_name(user_agent).encode()) <= 100:
        assert what_ended(value) == f"{browser_name(user_agent)} was signed out."
