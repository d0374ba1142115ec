"""Pages of people are in no cache that others read, and come out of none after the logout (threats.md H6)."""

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.house import AUTH, ONE, TWO, House
from tests.browser.legacy import Written
from tests.browser.people import asks_for_login, leave, sign_in, sign_out
from tests.browser.shared_cache import SharedCache
from tests.exhaustive import sampled
from tests.staging import NAVIGATION

LAX = {
    "nothing": {},
    "public": {"Cache-Control": "public"},
    "an age": {"Cache-Control": "max-age=600"},
    "a shared age": {"Cache-Control": "public, s-maxage=600, immutable"},
    "a date": {"Expires": "Thu, 01 Jan 2099 00:00:00 GMT"},
    "its date": {"Last-Modified": "Thu, 01 Jan 2015 00:00:00 GMT"},
    "a network's own field": {"CDN-Cache-Control": "max-age=600", "Cache-Control": "no-cache"},
    "an older one": {"Surrogate-Control": "max-age=600"},
    "another language": {"Vary": "Accept-Language", "Cache-Control": "public, max-age=600"},
}
SOME_LAX = sampled(LAX, 4)
PATHS = ("/account", "/account/x.css", "/account/avatar.png", "/app.js")


@pytest.mark.parametrize("headers", [LAX[one] for one in SOME_LAX], ids=SOME_LAX)
def test_a_shared_cache_in_front_serves_nobody_anothers_page(house: House, headers: dict[str, str]) -> None:
    """Web cache deception too: the app takes any ending for the page of who asks."""
    ada, eve, stranger = house.visitor("ada"), house.visitor("eve"), house.visitor()
    cache = SharedCache(by_name=True)
    for path in PATHS:
        house.app.written[path] = Written("balance of ada", headers)
        mine = cache.get(ada, house.url(ONE, path), NAVIGATION)
        house.app.written[path] = Written("balance of eve", headers)

        hers = cache.get(eve, house.url(ONE, path), NAVIGATION)
        nobodys = cache.get(stranger, house.url(ONE, path), NAVIGATION)

        assert (mine.text, hers.text) == ("balance of ada", "balance of eve")
        assert nobodys.status == 302
    assert cache.hits == 0


@pytest.mark.parametrize("headers", [LAX[one] for one in SOME_LAX], ids=SOME_LAX)
@pytest.mark.parametrize("path", ["/files/a.css", "/open/a.css"])
def test_what_may_be_shared_is_served_from_the_cache(house: House, path: str, headers: dict[str, str]) -> None:
    """Which shows that the cache is one."""
    house.app.written[path] = Written("body {}", headers)
    cache = SharedCache(by_name=True)
    first = cache.get(house.visitor("ada"), house.url(ONE, path), NAVIGATION)
    second = cache.get(house.visitor("eve"), house.url(ONE, path), NAVIGATION)

    assert first.text == second.text == "body {}"
    assert cache.hits == (headers.get("Cache-Control") != "no-cache" or "CDN-Cache-Control" in headers)
    assert house.app.lines(ONE).count(f"GET {path}") == 2 - cache.hits


def test_a_refusal_is_kept_by_no_cache(house: House) -> None:
    cache = SharedCache(by_name=True)
    url = house.url(ONE, "/files/a.css")
    house.app.written["/files/a.css"] = Written("body {}", {"Cache-Control": "public, max-age=600"})

    refused = cache.get(house.visitor(), url, NAVIGATION)
    allowed = cache.get(house.visitor("ada"), url, NAVIGATION)

    assert refused.headers["Cache-Control"] == "no-store"
    assert (refused.status, allowed.text, cache.hits) == (302, "body {}", 0)


@pytest.mark.parametrize("pages", sampled([2, 1], 1))
def test_with_cache_none_the_back_button_leads_to_the_login(profile: BrowserContext, house: House, pages: int) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE, "/bank/1")
    for number in range(2, pages + 1):
        page.goto(house.url(ONE, f"/bank/{number}"))
    leave(page, house)

    page.evaluate(f"history.go(-{pages})")

    asks_for_login(page)
    assert page.url.startswith(house.url(AUTH, "/login?j="))


@pytest.mark.parametrize("path", ["/report", "/files/report"])
def test_a_page_that_the_browser_keeps_does_not_outlive_a_logout_on_the_host(
    profile: BrowserContext, house: House, path: str
) -> None:
    """The app's own max-age would have it shown without asking anybody. Of the second we leave the headers alone."""
    page = profile.new_page()
    house.app.written[path] = Written("<h1>report of ada</h1>", {"Cache-Control": "public, max-age=600"})
    sign_in(page, house, ONE, path)
    page.goto(house.url(ONE, "/"))
    page.goto(house.url(ONE, path))
    assert house.app.lines(ONE).count(f"GET {path}") == 1, "the browser keeps it"

    sign_out(page, house, ONE)

    page.goto(house.url(ONE, path))
    asks_for_login(page)


@pytest.mark.parametrize("path", ["/report", "/files/report"])
def test_the_first_refusal_after_a_logout_elsewhere_empties_the_cache(
    profile: BrowserContext, house: House, path: str
) -> None:
    page = profile.new_page()
    house.app.written[path] = Written("<h1>report of ada</h1>", {"Cache-Control": "max-age=600"})
    sign_in(page, house, ONE, path)
    sign_out(page, house, TWO)

    page.goto(house.url(ONE, "/elsewhere"))
    asks_for_login(page)

    page.goto(house.url(ONE, path))
    asks_for_login(page)


def test_with_cache_none_nothing_is_kept_whatever_the_app_says(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    house.app.written["/bank/report"] = Written("<h1>report of ada</h1>", {"Cache-Control": "public, max-age=600"})
    sign_in(page, house, ONE, "/bank/report")
    sign_out(page, house, TWO)

    page.goto(house.url(ONE, "/bank/report"))

    asks_for_login(page)
