"""The hand-off from the login to a host, as attackers, impatient people and browsers with ideas of their own use it."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.browser.conftest import binary, house_rules
from tests.browser.house import AUTH, ONE, PASSWORDS, STRANGER, TWO, House
from tests.browser.legacy import Written
from tests.browser.people import asks_for_login, cookies_of, fill_in, leave, sign_in
from tests.exhaustive import sampled
from tests.staging import Visitor

GO = "url => { location.href = url }"


def callback_of(house: House, host: str = ONE, who: str = "eve") -> str:
    """The address that would end eve's own login, which she did not open."""
    visitor = Visitor(str(house.caddy.ca_file))
    page = visitor.visit(house.url(host, "/hers"))
    fields = {"csrf": page.field("csrf"), "j": page.field("j"), "name": who, "password": PASSWORDS[who]}
    return str(visitor._post(page, "/login", **fields).headers["Location"])


def is_nobody(page: Page, house: House, host: str = ONE) -> None:
    assert "__Host-bastion" not in cookies_of(page.context, house, host)
    page.goto(house.url(host, "/later"))
    asks_for_login(page)


def test_an_attackers_callback_signs_nobody_in(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()

    answer = page.goto(callback_of(house))

    assert answer is not None
    assert answer.status == 400
    is_nobody(page, house)


def test_an_attackers_callback_does_not_enter_a_login_that_has_begun(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    page.goto(house.url(ONE, "/mine"))
    asks_for_login(page)

    page.goto(callback_of(house))

    asks_for_login(page)
    is_nobody(page, house)


def test_an_attackers_callback_leaves_who_is_signed_in_alone(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE, "/mine", "ada")

    page.goto(callback_of(house))

    expect(page).to_have_url(house.url(ONE, "/hers"))
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


def own_callback(page: Page, house: House) -> str:
    """The address that ends this browser's login, taken before the browser gets there."""
    page.goto(house.url(ONE, "/mine"))
    asks_for_login(page)
    journey = page.url.partition("?j=")[2]
    visitor = Visitor(str(house.caddy.ca_file))
    form = visitor.visit(house.url(AUTH, f"/login?j={journey}"))
    fields = {"csrf": form.field("csrf"), "j": form.field("j"), "name": "ada", "password": PASSWORDS["ada"]}
    return str(visitor._post(form, "/login", **fields).headers["Location"])


@pytest.mark.parametrize("method", sampled(["HEAD", "PUT", "OPTIONS", "POST"]))
def test_no_other_method_uses_the_callback_up(profile: BrowserContext, house: House, method: str) -> None:
    page = profile.new_page()
    own = own_callback(page, house)
    page.goto(house.url(ONE, "/open/x"))

    status = page.evaluate("([url, method]) => fetch(url, {method}).then(got => got.status)", [own, method])

    assert status == 405
    assert "__Host-bastion" not in cookies_of(profile, house, ONE)
    page.goto(own)
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


def test_a_form_that_posts_to_the_callback_uses_nothing_up(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    own = own_callback(page, house)
    house.app.written["/open/form"] = Written(f'<form method="post" action="{own}"><button>Go</button></form>')
    page.goto(house.url(STRANGER, "/open/form"))

    with page.expect_response(own) as answer:
        page.get_by_role("button", name="Go").click()

    assert answer.value.status == 405
    page.goto(own)
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


@pytest.mark.parametrize(("kind", "target"), sampled(product(["prefetch", "prerender"], ["callback", "page"])))
def test_what_is_loaded_ahead_makes_no_claim(profile: BrowserContext, house: House, kind: str, target: str) -> None:
    page = profile.new_page()
    own = own_callback(page, house)
    url = own if target == "callback" else house.url(ONE, "/ahead")
    rules = json.dumps({kind: [{"urls": [url], "eagerness": "immediate"}]})
    house.app.written["/open/rules"] = Written(f'<script type="speculationrules">{rules}</script>')

    with profile.expect_event("request", lambda request: request.url == url, timeout=20_000) as asked:
        page.goto(house.url(ONE, "/open/rules"))

    answer = asked.value.response()
    assert answer is not None
    assert answer.status == 403
    assert asked.value.all_headers()["sec-purpose"].startswith("prefetch")
    assert "__Host-bastion" not in cookies_of(profile, house, ONE)
    page.goto(own)
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


def test_a_journey_of_one_host_ends_on_no_other(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    page.goto(house.url(TWO, "/mine"))  # so that there is a way cookie too
    own = own_callback(page, house)

    answer = page.goto(own.replace(f"//{ONE}", f"//{TWO}"))

    assert answer is not None
    assert answer.status == 400
    is_nobody(page, house, TWO)


@pytest.mark.parametrize("signed_in", sampled([False, True], 1))
@pytest.mark.parametrize("pause_ms", sampled([0, 150], 1))
def test_twenty_restored_tabs_end_on_their_own_pages(
    profile: BrowserContext, house: House, signed_in: bool, pause_ms: int
) -> None:
    """At once, as after a crash, or one after another, as with tabs that load when they are looked at."""
    page = profile.new_page()
    if signed_in:
        sign_in(page, house, TWO)
    else:
        page.goto(house.url(AUTH, "/login"))  # a browser that has seen the form: the tabs share its cookie
    tabs = {house.url(ONE, f"/tab/{number}?of={number}"): profile.new_page() for number in range(20)}
    for url, tab in tabs.items():
        tab.evaluate(GO, url)
        tab.wait_for_timeout(pause_ms)
    if not signed_in:
        for tab in tabs.values():
            asks_for_login(tab)
        first, *others = tabs.values()
        fill_in(first, "ada")
        expect(first.get_by_role("heading")).to_have_text("Hello ada")
        for tab in others:
            tab.evaluate("location.reload()")

    for url, tab in tabs.items():
        expect(tab).to_have_url(url)
        expect(tab.get_by_role("heading")).to_have_text("Hello ada")


def test_back_and_reload_at_each_step_lead_on(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    page.goto(house.url(ONE, "/open/start"))
    page.goto(house.url(ONE, "/mine?x=1"))
    page.reload()
    asks_for_login(page)
    page.go_back(wait_until="commit")
    expect(page).to_have_url(house.url(ONE, "/open/start"))
    page.go_forward(wait_until="commit")
    asks_for_login(page)
    page.get_by_label("User name or e-mail").fill("ada")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.go_back(wait_until="commit")
    asks_for_login(page)
    fill_in(page, "ada")
    expect(page).to_have_url(house.url(ONE, "/mine?x=1"))

    page.reload()
    expect(page).to_have_url(house.url(ONE, "/mine?x=1"))
    page.evaluate("history.back()")  # the form: who is signed in goes on
    expect(page.get_by_role("heading")).to_have_text("Hello ada")
    assert page.url in (house.url(ONE, "/mine?x=1"), house.url(ONE, "/open/start"))


def test_a_callback_that_is_opened_again_leads_to_its_page(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    own = own_callback(page, house)
    for _ in range(3):
        page.goto(own)
        expect(page).to_have_url(house.url(ONE, "/mine"))
        expect(page.get_by_role("heading")).to_have_text("Hello ada")
    other = profile.new_page()
    other.goto(own)
    expect(other).to_have_url(house.url(ONE, "/mine"))


def test_a_callback_after_the_logout_leads_to_the_login(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    own = own_callback(page, house)
    page.goto(own)
    leave(page, house)

    page.goto(own)

    asks_for_login(page)
    assert "__Host-bastion" not in cookies_of(profile, house, ONE)


@pytest.fixture
def without_cookies(playwright: Playwright, running_house: House, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose owner has switched cookies off."""
    settings = tmp_path / "Default" / "Preferences"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    arguments = ["--no-sandbox", *house_rules(running_house)]
    context = playwright.chromium.launch_persistent_context(tmp_path, executable_path=binary(), args=arguments)
    yield context
    context.close()


def test_without_cookies_there_is_a_page_after_at_most_three_redirects(
    without_cookies: BrowserContext, house: House
) -> None:
    page = without_cookies.new_page()
    moved = list[str]()
    page.on("response", lambda answer: moved.append(answer.url) if 300 <= answer.status < 400 else None)
    page.goto(house.url(ONE, "/mine"))
    assert not without_cookies.cookies()
    asks_for_login(page)
    fill_in(page, "ada")

    expect(page.get_by_role("alert")).to_contain_text("cookies")
    assert len(moved) <= 3
