"""What people see of our pages: whose they are, what went wrong, and the way on."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import AUTH, NAME, ONE, House
from tests.browser.people import fill_in, sign_in

LOADED = "one => one.complete && one.naturalWidth > 0"


def complaints_of(page: Page) -> list[str]:
    """What the browser says of content security policies, from now on."""
    said = list[str]()
    page.on("console", lambda told: said.append(told.text) if "Content Security Policy" in told.text else None)
    return said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_name_logo_and_help_are_on_both_kinds_of_host(chromium: Browser, house: House, width: int, scheme: str) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 740}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    said = complaints_of(page)
    for address in (house.url(AUTH, "/login"), house.url(ONE, "/.bastion/nowhere")):
        page.goto(address)

        logo = page.locator(".brand img")
        box = logo.bounding_box()
        assert logo.evaluate(LOADED)
        assert box is not None
        assert box["height"] == 36
        assert box["width"] <= 192
        expect(page.locator(".brand")).to_contain_text(NAME)
        expect(page).to_have_title(re.compile(f" · {NAME}$"))
        expect(page.get_by_role("link", name="help page")).to_have_attribute("href", "https://help.example.com/login")
        expect(page.get_by_role("link", name="help@example.com")).to_have_attribute("href", "mailto:help@example.com")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not said
    context.close()


def test_who_is_denied_right_after_the_login_reads_why_and_comes_back_as_another(
    profile: BrowserContext, house: House
) -> None:
    page = profile.new_page()
    page.goto(house.url(ONE, "/widget/eves/x?y=1"))
    fill_in(page, "ada")

    expect(page.get_by_role("heading")).to_have_text("You don't have access to this page")
    expect(page).to_have_url(re.compile(rf"^{re.escape(house.url(AUTH))}login"))
    page.locator("code.id").click()
    reference = page.evaluate("String(getSelection())")
    page.get_by_role("button", name="Use another account").click()
    fill_in(page, "eve")

    assert re.fullmatch(r"[0-9a-f-]{36}", reference)
    expect(page).to_have_url(house.url(ONE, "/widget/eves/x?y=1"))


def test_the_reference_of_a_protected_host_is_selected_by_one_click(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)
    with page.expect_response(house.url(ONE, "/widget/eves/x")) as answer:
        page.goto(house.url(ONE, "/widget/eves/x"))

    page.locator("code.id").click()

    assert page.evaluate("String(getSelection())") == answer.value.headers["x-request-id"]


def test_what_a_route_hides_is_hidden_on_the_auth_host_too(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    page.goto(house.url(ONE, "/hidden/x"))
    with page.expect_response(re.compile(r"/login\?j=")) as answer:
        fill_in(page, "ada")

    expect(page.get_by_role("heading")).to_have_text("Page not found")
    expect(page.get_by_text("Ask the front desk.")).to_be_visible()
    expect(page.get_by_text("ada")).to_have_count(0)
    assert answer.value.status == 404
    page.get_by_role("link", name="Go to the start page").click()
    expect(page).to_have_url(house.url(ONE))


def test_the_account_page_says_what_was_signed_out(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    house.jars.clear()
    sign_in(page, house, ONE)
    house.visitor("ada")
    page.goto(house.url(AUTH, "/account"))

    page.get_by_role("button", name=re.compile(r"^Sign out Firefox on Linux")).first.click()

    expect(page.get_by_role("status")).to_have_text("Firefox on Linux was signed out.")
    expect(page).to_have_url(house.url(AUTH, "/account"))
    page.reload()
    expect(page.get_by_role("status")).to_have_count(0)
    house.jars.clear()
