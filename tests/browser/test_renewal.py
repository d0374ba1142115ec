"""A new secret breaks no request that is under way with the old one (threats.md R12)."""

from playwright.sync_api import BrowserContext, expect

from tests.browser.house import ONE, TWO, House
from tests.browser.people import asks_for_login, cookies_of, prove_again, sign_in

FETCHING = """() => {
    window.seen = [];
    window.running = true;
    const once = number => fetch('/api/' + number).then(answer => answer.status, () => -1);
    window.ended = (async () => {
        while (window.running) window.seen.push(...await Promise.all([...Array(20).keys()].map(once)));
    })();
}"""
STOP = "async () => { window.running = false; await window.ended; return window.seen }"
FRESH_S = 10  # of the house's policy


def test_open_pages_notice_nothing_of_a_step_up(profile: BrowserContext, house: House) -> None:
    page, other = profile.new_page(), profile.new_page()
    sign_in(page, house, ONE, "/work")
    before = cookies_of(profile, house, ONE)["__Host-bastion"]
    page.wait_for_timeout((FRESH_S + 1) * 1000)
    page.evaluate(FETCHING)

    other.goto(house.url(ONE, "/fresh/page"))
    asks_for_login(other)
    prove_again(other, "ada")
    expect(other).to_have_url(house.url(ONE, "/fresh/page"))
    page.wait_for_function("seen => window.seen.length > seen + 40", arg=page.evaluate("window.seen.length"))
    seen = page.evaluate(STOP)

    assert set(seen) == {200}
    assert len(seen) > 60
    assert cookies_of(profile, house, ONE)["__Host-bastion"] != before
    assert {one.user for one in house.app.reached if one.path.startswith("/api/")} == {"ada"}


def test_open_pages_notice_nothing_of_twenty_tabs_that_come_back(profile: BrowserContext, house: House) -> None:
    """On another host, by the same login."""
    page = profile.new_page()
    sign_in(page, house, ONE, "/work")
    page.evaluate(FETCHING)
    tabs = {house.url(TWO, f"/tab/{number}"): profile.new_page() for number in range(20)}

    for url, tab in tabs.items():
        tab.evaluate("url => { location.href = url }", url)
    for url, tab in tabs.items():
        expect(tab).to_have_url(url)

    assert set(page.evaluate(STOP)) == {200}
