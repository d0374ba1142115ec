"""/account/password in a browser: with script the rules are told while typing, without it after sending."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import AUTH, PASSWORDS, House
from tests.browser.people import fill_in
from tests.browser.test_pages import complaints_of

NEW = "plum violin cabin zephyr"


def opened(context: BrowserContext, house: House) -> Page:
    page = context.new_page()
    page.goto(house.url(AUTH, "/login"))
    fill_in(page, "eve")
    expect(page).to_have_url(house.url(AUTH, "/account"))
    page.goto(house.url(AUTH, "/.well-known/change-password"))
    expect(page).to_have_url(house.url(AUTH, "/account/password"))
    return page


def typed(page: Page, new: str, again: str, current: str = PASSWORDS["eve"]) -> None:
    page.get_by_label("Current password").fill(current)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(again)


def test_with_script_what_is_missing_is_told_while_typing(profile: BrowserContext, house: House) -> None:
    page = opened(profile, house)
    said = complaints_of(page)
    page.reload()
    rules = page.locator("#rules")
    expect(rules).to_contain_text("At least 15 characters")

    for new, again, tells in (
        ("x", "", "14 more characters."),
        ("\U0001f41d" * 14, "", "1 more character."),
        ("\ufb03" * 5, "", "Long enough."),
        (NEW, NEW[:-1], "The two are not the same."),
        (NEW, NEW, "Long enough."),
        ("", NEW, "At least 15 characters"),
    ):
        typed(page, new, again)
        expect(rules).to_contain_text(tells)
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_without_script_the_page_says_what_is_wrong_and_fits(
    chromium: Browser, house: House, width: int, scheme: str
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=False,
    )
    page = opened(context, house)

    typed(page, "too short", "too short")
    page.get_by_role("button", name="Change password").click()

    expect(page.get_by_role("alert")).to_contain_text("at least 15 characters; this has 9")
    expect(page.get_by_label("Current password")).to_have_value("")
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width
    context.close()
