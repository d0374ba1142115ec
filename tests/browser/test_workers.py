"""An installed web app: its service worker sees every navigation, and the person still sees pages."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import ONE, House
from tests.browser.legacy import Written
from tests.browser.people import asks_for_login, fill_in, sign_in

INSTALLED = """async () => {
    await navigator.serviceWorker.register('/worker.js');
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller)
        await new Promise(done => navigator.serviceWorker.addEventListener('controllerchange', done));
}"""
WORKER = """
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', event => {
    if (event.request.mode === 'navigate') event.respondWith(%s);
});
"""
PASSES_ON = "fetch(event.request)"
FETCHES_ANEW = "fetch(event.request.url, {mode: '%s', headers: event.request.headers})"


def install(page: Page, house: House, fetches: str) -> None:
    """And the session ends as by time: its cookie opens nothing any more, nothing of the app is cleared."""
    house.app.written["/worker.js"] = Written(WORKER % fetches, content_type="text/javascript")
    sign_in(page, house, ONE)
    page.evaluate(INSTALLED)
    page.context.clear_cookies()


def test_a_session_that_ended_leads_to_the_login_and_back(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    install(page, house, PASSES_ON)

    page.goto(house.url(ONE, "/mine"))

    asks_for_login(page)
    fill_in(page, "ada")
    expect(page).to_have_url(house.url(ONE, "/mine"))
    expect(page.get_by_role("heading")).to_have_text("Hello ada")
    mine = next(one for one in house.app.reached if one.line == "GET /mine")
    assert (mine.headers["Sec-Fetch-Mode"], mine.headers["Sec-Fetch-Dest"]) == ("navigate", "empty")


@pytest.mark.parametrize("mode", ["cors", "same-origin"])
def test_a_page_that_is_fetched_anew_is_one_for_people(profile: BrowserContext, house: House, mode: str) -> None:
    page = profile.new_page()
    install(page, house, FETCHES_ANEW % mode)

    answer = page.goto(house.url(ONE, "/mine"))

    assert answer is not None
    assert (answer.status, answer.from_service_worker) == (401, True)
    expect(page.get_by_role("heading")).to_have_text("Please sign in")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
