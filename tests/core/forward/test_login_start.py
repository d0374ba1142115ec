"""The browser's own secret of a journey, and how a circle is told from many tabs."""

import pytest

from gateway.core.forward.login_start import STARTS, STARTS_WITHIN_S, Way
from gateway.core.session.cookies import read_cookies
from tests.changed import parts
from tests.core.forward.setting import NOW

SECRET = "w" * 43


def started(times: int, pages: int = 1, every_s: int = 0) -> Way:
    way = Way(SECRET, 0, 0)
    for number in range(times):
        way = way.next(NOW + number * every_s, f"/page/{number % pages}")
    return way


def test_who_comes_to_one_page_again_is_counted() -> None:
    assert started(STARTS).starts == STARTS
    assert started(STARTS + 1).starts == STARTS + 1


def test_many_pages_are_no_circle() -> None:
    assert started(20, pages=20).starts == 1


def test_the_count_begins_anew_after_half_a_minute() -> None:
    first = Way(SECRET, 0, 0).next(NOW, "/")

    assert first.next(NOW + STARTS_WITHIN_S - 1, "/").starts == 2
    assert first.next(NOW + STARTS_WITHIN_S, "/").starts == 1
    assert first.next(NOW - 1, "/").starts == 1, "a clock that was set back"


def test_a_circle_is_told_before_a_browser_gives_up() -> None:
    """Chromium and Firefox follow twenty redirects: a round has one of the page, the login and the callback each."""
    assert STARTS * 3 <= 20


@pytest.mark.parametrize("way", [Way(SECRET, 0, 0), started(1), started(99), Way(SECRET, 1, NOW)])
def test_what_is_written_is_read(way: Way) -> None:
    cookie = read_cookies([f"__Host-bastion-way={way.text}".encode()])["__Host-bastion-way"]

    assert parts(Way.read(cookie)) == parts(way)
    assert way.hash == Way(SECRET, 0, 0).hash


@pytest.mark.parametrize(
    "text", ["", SECRET[:-1], SECRET + "x", f"{SECRET}.", f"{SECRET}.1", f"{SECRET}.1.2.", f"{SECRET}.1.2.short"]
)
def test_what_we_never_write_is_not_read(text: str) -> None:
    assert Way.read(text) is None
