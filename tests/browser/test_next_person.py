"""The next person at the same machine meets nothing of the one before (threats.md H4)."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import AUTH, ONE, TWO, House
from tests.browser.legacy import COOKIES, SESSIONS, Written
from tests.browser.people import cookies_of, sign_in, sign_out
from tests.exhaustive import sampled

# Answers every page from what it has seen first, and passes on the rest.
WORKER = """
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', event => {
    if (event.request.mode !== 'navigate' || !event.request.url.includes('/desk')) return;
    event.respondWith((async () => {
        const cache = await caches.open('desk');
        const kept = await cache.match('/desk');
        if (kept) return kept;
        const fresh = await fetch(event.request);
        await cache.put('/desk', fresh.clone());
        return fresh;
    })());
});
"""
REGISTER = "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready).then(() => 1)"
WORKERS = "navigator.serviceWorker.getRegistrations().then(found => found.length)"


def with_worker(page: Page, house: House) -> None:
    """A service worker of ada's that keeps her desk."""
    house.app.written["/sw.js"] = Written(WORKER, content_type="text/javascript")
    assert page.evaluate(REGISTER) == 1
    for _ in range(2):  # the first fills the worker's cache, the second comes out of it
        page.goto(house.url(ONE, "/desk"))
        expect(page.get_by_role("heading")).to_have_text("Hello ada")
    assert house.app.lines(ONE).count("GET /desk") == 1
    page.evaluate("localStorage.setItem('draft', 'of ada')")
    page.evaluate("new Promise(done => { indexedDB.open('ada').onsuccess = () => done(1) })")


def is_without_traces(page: Page, house: House) -> None:
    page.goto(house.url(ONE, "/desk"))
    expect(page.get_by_role("heading")).to_have_text("Hello eve")
    assert page.evaluate(WORKERS) == 0
    assert page.evaluate("localStorage.getItem('draft')") is None
    assert page.evaluate("caches.keys()") == []
    assert page.evaluate("indexedDB.databases()") == []


@pytest.mark.parametrize("path", sampled(SESSIONS, 1))
def test_after_a_logout_the_apps_own_session_is_gone(profile: BrowserContext, house: House, path: str) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE, path)
    expect(page.get_by_role("heading")).to_have_text("Desk of ada")
    assert COOKIES[path] in cookies_of(profile, house, ONE, path)

    sign_out(page, house, ONE)

    assert COOKIES[path] not in cookies_of(profile, house, ONE, path)
    sign_in(page, house, ONE, path, "eve")
    expect(page.get_by_role("heading")).to_have_text("Desk of eve")


@pytest.mark.parametrize("path", sampled(SESSIONS, 1))
def test_without_a_logout_the_login_of_another_person_does_the_same(
    profile: BrowserContext, house: House, path: str
) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE, path)
    profile.clear_cookies(name="__Host-bastion")
    profile.clear_cookies(name="__Host-bastion-login")
    assert COOKIES[path] in cookies_of(profile, house, ONE, path)

    sign_in(page, house, ONE, path, "eve")

    expect(page.get_by_role("heading")).to_have_text("Desk of eve")


@pytest.mark.parametrize("path", sampled(SESSIONS, 1))
def test_the_same_person_goes_on_where_she_was(profile: BrowserContext, house: House, path: str) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE, path)
    own = cookies_of(profile, house, ONE, path)[COOKIES[path]]
    profile.clear_cookies(name="__Host-bastion")
    profile.clear_cookies(name="__Host-bastion-login")

    sign_in(page, house, ONE, path)

    assert cookies_of(profile, house, ONE, path)[COOKIES[path]] == own


def test_a_service_worker_and_all_storage_go_with_a_logout(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)
    with_worker(page, house)

    sign_out(page, house, ONE)

    sign_in(page, house, ONE, who="eve")
    is_without_traces(page, house)


def test_a_service_worker_and_all_storage_go_when_another_person_signs_in(
    profile: BrowserContext, house: House
) -> None:
    """From a page that the worker does not answer itself: what it answers, no server sees."""
    page = profile.new_page()
    sign_in(page, house, ONE)
    with_worker(page, house)
    profile.clear_cookies(name="__Host-bastion")
    profile.clear_cookies(name="__Host-bastion-login")

    sign_in(page, house, ONE, who="eve")

    is_without_traces(page, house)


def test_a_logout_elsewhere_leaves_nothing_that_opens(profile: BrowserContext, house: House) -> None:
    """The app's session on the other host stays until somebody else signs in, and is worth nothing till then."""
    page = profile.new_page()
    sign_in(page, house, TWO, "/session")
    sign_out(page, house, ONE)
    assert COOKIES["/session"] in cookies_of(profile, house, TWO)

    page.goto(house.url(TWO, "/session"))

    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    assert "__Host-bastion" not in cookies_of(profile, house, TWO)
    page.goto(house.url(AUTH, "/login"))
    sign_in(page, house, TWO, "/session", "eve")
    expect(page.get_by_role("heading")).to_have_text("Desk of eve")
