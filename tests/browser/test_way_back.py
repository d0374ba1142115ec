"""The whole address that a person opened is there after the login, whatever happens on the way."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import ONE, House
from tests.browser.people import fill_in

WHOLE = "/page?x=1#/dash/5"


def give(page: Page, who: str, password: str) -> None:
    page.get_by_label("User name or e-mail").fill(who)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("wrong", [0, 1, 2])
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
