"""The whole address that a person opened is there after the login, whatever happens on the way."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from redis import Redis as SyncRedis

from gateway.config.load import load_config
from gateway.core.session.journey import JOURNEY_S, Journey, seal_journey, unseal_journey
from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.browser.house import AUTH, ONE, TWO, House
from tests.browser.people import asks_for_login, fill_in, leave, sign_in
from tests.browser.test_handoff import own_callback
from tests.conftest import run_apart
from tests.databases import forgive
from tests.exhaustive import sampled

WHOLE = "/page?x=1#/dash/5"


def give(page: Page, who: str, password: str) -> None:
    page.get_by_label("User name or e-mail").fill(who)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("wrong", sampled([0, 1, 2]))
def test_the_fragment_comes_through_the_login(profile: BrowserContext, house: House, wrong: int) -> None:
    page = profile.new_page()
    errors = list[str]()
    page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(house.url(ONE, WHOLE))
    for _ in range(wrong):
        give(page, "ada", "wrong")
        expect(page.get_by_role("alert")).to_be_visible()

    fill_in(page, "ada")

    expect(page).to_have_url(house.url(ONE, WHOLE))
    expect(page.get_by_role("heading")).to_have_text("Hello ada")
    assert not errors


def test_without_script_the_page_is_reached_without_its_fragment(chromium: Browser, house: House) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(house.url(ONE, WHOLE))

    fill_in(page, "ada")

    expect(page).to_have_url(house.url(ONE, "/page?x=1"))
    context.close()


def two_tabs(profile: BrowserContext, house: House) -> tuple[Page, Page]:
    """Both at the login."""
    first, second = profile.new_page(), profile.new_page()
    for number, page in enumerate((first, second)):
        page.goto(house.url(ONE, f"/tab/{number}?x=1#/part"))
        asks_for_login(page)
    return first, second


def test_a_second_tab_goes_on_when_the_first_has_signed_in(profile: BrowserContext, house: House) -> None:
    first, second = two_tabs(profile, house)
    fill_in(first, "ada")
    expect(first).to_have_url(house.url(ONE, "/tab/0?x=1#/part"))

    give(second, "ada", "whatever was typed")

    expect(second).to_have_url(house.url(ONE, "/tab/1?x=1#/part"))
    expect(second.get_by_role("heading")).to_have_text("Hello ada")


def test_a_form_from_before_a_logout_says_so_and_leads_on(profile: BrowserContext, house: House) -> None:
    first, second = two_tabs(profile, house)
    fill_in(first, "ada")
    leave(first, house)

    fill_in(second, "ada")

    expect(second.get_by_role("alert")).to_contain_text("you signed out in another tab")
    expect(second.get_by_label("User name or e-mail")).to_have_value("ada")
    fill_in(second, "ada")
    expect(second).to_have_url(house.url(ONE, "/tab/1?x=1#/part"))


def test_a_form_from_before_another_form_says_so_and_leads_on(profile: BrowserContext, house: House) -> None:
    first, second = two_tabs(profile, house)
    fill_in(first, "ada")
    leave(first, house)
    first.goto(house.url(AUTH, "/login"))  # a new cookie for forms

    fill_in(second, "ada")

    expect(second.get_by_role("alert")).to_contain_text("signed in or out in this browser since")
    fill_in(second, "ada")
    expect(second).to_have_url(house.url(ONE, "/tab/1?x=1#/part"))


def aged(house: House, sealed: str, by_s: int = JOURNEY_S + 1) -> str:
    """The same journey as it will be then."""
    key = load_config(house.directory / "config.yaml", dev=True, environ={}).config.keys().journey
    journey = unseal_journey(key, sealed)
    older = Journey(
        host=journey.host, return_to=journey.return_to, way=journey.way, iat=journey.iat - by_s, notice=journey.notice
    )
    return seal_journey(key, older, b"n" * 12)


def test_a_form_that_was_open_for_over_an_hour_leads_to_its_page(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    page.goto(house.url(ONE, WHOLE))
    old = aged(house, page.url.partition("?j=")[2].partition("#")[0])
    page.locator("input[name=j]").evaluate_all("(fields, old) => fields.forEach(field => { field.value = old })", old)

    fill_in(page, "ada")

    expect(page).to_have_url(house.url(ONE, WHOLE))
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


@pytest.mark.parametrize("signed_in", [True, False])
def test_an_address_of_the_login_that_is_over_an_hour_old_leads_to_its_page(
    profile: BrowserContext, house: House, signed_in: bool
) -> None:
    page = profile.new_page()
    page.goto(house.url(ONE, "/page?x=1"))
    old = aged(house, page.url.partition("?j=")[2])
    if signed_in:
        sign_in(page, house, TWO)

    page.goto(house.url(AUTH, f"/login?j={old}"))
    if not signed_in:
        expect(page.locator(".host")).to_have_text(ONE)
        fill_in(page, "ada")

    expect(page).to_have_url(house.url(ONE, "/page?x=1"))
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


def wrong(page: Page, house: House) -> Response:
    page.get_by_label("Keep me signed in").check()
    with page.expect_response(house.url(AUTH, "/login")) as answer:
        give(page, "ada", "wrong")
    return answer.value


def test_too_many_attempts_keep_the_form(
    profile: BrowserContext, house: House, redis_server: EmbeddedValkey, postgres_server: EmbeddedPostgres
) -> None:
    page = profile.new_page()
    page.goto(house.url(ONE, WHOLE))
    refused = next(answer for answer in (wrong(page, house) for _ in range(30)) if answer.status == 429)

    assert int(refused.headers["retry-after"]) >= 1
    expect(page.get_by_role("alert")).to_contain_text("Try again in ")
    expect(page.get_by_label("User name or e-mail")).to_have_value("ada")
    expect(page.get_by_label("Keep me signed in")).to_be_checked()
    with SyncRedis.from_url(redis_server.url) as client:
        client.flushall()
    run_apart(forgive(postgres_server, "house"))  # so many failures ask for a code
    fill_in(page, "ada")
    expect(page).to_have_url(house.url(ONE, WHOLE))


def test_a_page_that_is_not_there_leads_to_who_is_signed_in(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    page.goto(house.url(AUTH, "/nowhere"))
    expect(page.locator(".actions").get_by_role("link")).to_have_text("Go to the sign-in page")
    sign_in(page, house, ONE)
    page.goto(house.url(AUTH, "/nowhere"))

    page.get_by_role("link", name="Go to your account").click()

    expect(page).to_have_url(house.url(AUTH, "/account"))


def test_a_form_of_the_account_that_grew_old_says_so(profile: BrowserContext, house: House) -> None:
    page, other = profile.new_page(), profile.new_page()
    sign_in(page, house, ONE)
    page.goto(house.url(AUTH, "/account"))
    other.goto(house.url(ONE, "/other"))
    leave(other, house)
    sign_in(other, house, ONE, "/other")
    other.goto(house.url(AUTH, "/account"))

    page.get_by_role("button", name=re.compile(r"^Sign out .*, last seen")).first.click()

    expect(page.get_by_role("heading")).to_have_text("This page is out of date")
    page.get_by_role("link", name="Go to your account").click()
    expect(page.get_by_role("heading", name="Your devices")).to_be_visible()


def test_another_account_comes_to_the_page_that_was_denied(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)
    page.goto(house.url(ONE, "/widget/eves/x?y=1"))
    page.get_by_role("link", name="Use another account").click()
    page.get_by_role("button", name="Sign out").click()

    fill_in(page, "eve")

    expect(page).to_have_url(house.url(ONE, "/widget/eves/x?y=1"))
    expect(page.get_by_role("heading")).to_have_text("Hello eve")


def test_a_callback_of_another_host_leads_to_its_page(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    own = own_callback(page, house)
    page.goto(own.replace(f"//{ONE}", f"//{TWO}"))

    page.get_by_role("link", name="Open the page").click()

    fill_in(page, "ada")
    expect(page).to_have_url(house.url(ONE, "/mine"))


def test_a_callback_that_is_opened_hours_later_leads_to_its_page(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    before, _, sealed = own_callback(page, house).partition("&j=")
    profile.clear_cookies()

    page.goto(f"{before}&j={aged(house, sealed.partition('&')[0])}")

    page.get_by_role("link", name="Begin here").click()
    fill_in(page, "ada")
    expect(page).to_have_url(house.url(ONE, "/mine"))
