"""Nothing of the flow happens, or is to be seen, inside another page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, Route, expect

from tests.browser.house import AUTH, ONE, STRANGER, House
from tests.browser.legacy import Written
from tests.browser.people import cookies_of, fill_in, sign_in
from tests.browser.test_handoff import own_callback
from tests.exhaustive import sampled
from tests.staging import Visitor

TAGS = ["iframe", "object", "embed"]
KEEPS_OUT = ("content-security-policy", "x-frame-options")


def framed(page: Page, house: House, host: str, url: str, tag: str = "iframe") -> int:
    """A page of the host shows the url within itself: the status that came."""
    source = "data" if tag == "object" else "src"
    house.app.written["/open/frames"] = Written(f'<{tag} {source}="{url}" width=300 height=300></{tag}>')
    with page.expect_response(url) as answer:
        page.goto(house.url(host, "/open/frames"))
    return answer.value.status


def shows_nothing(page: Page) -> bool:
    """Chromium has its own page in the frame instead of ours, or no frame any more, as for an object."""
    for _ in range(400):
        if all(frame.url == "chrome-error://chromewebdata/" for frame in page.frames[1:]):
            return True
        page.wait_for_timeout(50)
    return False


def read(page: Page) -> Frame:
    """What our page says in the frame; it has no form."""
    frame = page.frames[1]
    expect(frame.get_by_text("Reference", exact=True)).to_be_visible()
    expect(frame.locator("form")).to_have_count(0)
    return frame


@pytest.mark.parametrize("host", [ONE, STRANGER])
def test_a_frame_of_the_route_says_what_is_missing_and_leads_out(
    profile: BrowserContext, house: House, host: str
) -> None:
    page = profile.new_page()
    assert framed(page, house, host, house.url(ONE, "/widget/x")) == 401
    frame = read(page)
    expect(frame.get_by_role("heading")).to_have_text("Please sign in")

    frame.get_by_role("link", name="Sign in").click()

    fill_in(page, "ada")
    expect(page).to_have_url(house.url(ONE, "/widget/x"))


def test_a_denied_frame_leads_out_too(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)
    assert framed(page, house, ONE, house.url(ONE, "/widget/eves/x")) == 403
    frame = read(page)
    expect(frame.get_by_role("heading")).to_have_text("You don't have access to this page")

    frame.get_by_role("link", name="Your account").click()

    expect(page).to_have_url(house.url(AUTH, "/account"))


def test_a_frame_that_the_route_does_not_name_shows_nothing(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()

    assert framed(page, house, STRANGER, house.url(ONE, "/widget/eves/x")) == 401

    assert shows_nothing(page)


@pytest.mark.parametrize("tag", sampled(TAGS))
def test_nothing_of_the_flow_happens_in_a_frame(profile: BrowserContext, house: House, tag: str) -> None:
    """A protected page, and a callback that would be right."""
    page = profile.new_page()
    own = own_callback(page, house)
    refused = {house.url(ONE, "/framed"): 401, own: 403, house.url(AUTH, "/login"): 403}
    for host in (ONE, STRANGER):
        for url, expected in refused.items():
            assert framed(page, house, host, url, tag) == expected
            if (host, expected, tag) in ((ONE, 401, "iframe"), (ONE, 401, "embed")):
                expect(read(page).get_by_role("heading")).to_have_text("Please sign in")
            else:
                assert shows_nothing(page)
    assert "__Host-bastion" not in cookies_of(profile, house, ONE)
    assert "GET /framed" not in house.app.lines()

    page.goto(own)

    expect(page.get_by_role("heading")).to_have_text("Hello ada")


def test_who_is_signed_in_is_shown_nothing_in_a_frame_and_stays_so(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)
    for path in ("/logout", "/account", "/signed-out"):
        assert framed(page, house, ONE, house.url(AUTH, path)) == 403
        assert shows_nothing(page)

    framed(page, house, ONE, house.url(ONE, "/.bastion/logout"))

    assert shows_nothing(page)
    page.goto(house.url(ONE, "/"))
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


def as_older(profile: BrowserContext, house: House, keep: tuple[str, ...]) -> Callable[[Route], None]:
    """A browser without Sec-Fetch headers asks, so the page comes, with those of its headers that keep it out."""

    def answer(route: Route) -> None:
        visitor = Visitor(str(house.caddy.ca_file), {AUTH: cookies_of(profile, house, AUTH)})
        seen = visitor.send("GET", route.request.url, {"Accept": "text/html"})
        assert seen.status == 200
        assert "<form" in seen.text
        sent = {name.lower(): value for name, value in seen.headers.items()}
        headers = {name: value for name, value in sent.items() if name in keep or name not in KEEPS_OUT}
        route.fulfill(status=200, headers=headers, body=seen.text)

    return answer


@pytest.mark.parametrize("keep", [(name,) for name in KEEPS_OUT], ids=KEEPS_OUT)
@pytest.mark.parametrize("path", sampled(["/login", "/logout"], 1))
def test_each_header_alone_keeps_a_form_out_of_frames(
    profile: BrowserContext, house: House, path: str, keep: tuple[str, ...]
) -> None:
    page = profile.new_page()
    if path != "/login":
        sign_in(page, house, ONE)
    url = house.url(AUTH, path)

    page.route(url, as_older(profile, house, keep))
    for host in (ONE, STRANGER):
        framed(page, house, host, url)
        assert shows_nothing(page)
    page.route(url, as_older(profile, house, ()))
    framed(page, house, STRANGER, url)

    expect(page.frame_locator("iframe").locator("form").first).to_be_visible()
