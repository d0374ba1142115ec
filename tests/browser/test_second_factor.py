"""The walking path of second factors, in a real browser behind Caddy (TOTP; scripts off)."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_browser import sign_in
from tests.second_factors import App, forget_factors
from tests.staging import Stage, forget_limits


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def context(chromium: Browser, stage: Stage, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A fresh profile. Nobody has a factor at first."""
    forget_factors(stage)
    forget_limits(stage)
    context = chromium.new_context(ignore_https_errors=True, java_script_enabled=request.param)
    context.set_default_timeout(20_000)
    yield context
    context.close()
    forget_factors(stage)


def enrol(page: Page, stage: Stage) -> App:
    page.goto(stage.auth + "/account/security")
    page.get_by_role("button", name="Set up an app").click()
    app = App(page.locator("#secret").inner_text())
    expect(page.locator("svg.qr")).to_be_visible()
    page.get_by_label("Code that the app shows").fill(app.code())
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page.locator("#codes li")).to_have_count(10)
    return app


def type_code(page: Page, code: str) -> None:
    page.get_by_label("Code from your authenticator app, or a recovery code").fill(code)
    page.get_by_role("button", name="Go on").click()


def test_a_second_factor_from_enrolment_to_every_host(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    sign_in(page, stage, stage.app + "/")
    expect(page).to_have_url(stage.app + "/")

    # Without a factor the page says how to get one.
    page.goto(stage.app + "/vault/x")
    expect(page.get_by_role("heading", name="A second factor is needed")).to_be_visible()
    page.get_by_role("link", name="Set up a second factor").click()
    expect(page).to_have_url(stage.auth + "/account/security")
    app = enrol(page, stage)
    recovery = page.locator("#codes code").first.inner_text()
    expect(page.get_by_role("button", name="Sign out everywhere else")).to_be_visible()

    # This login has proven a password: the middle of the app leads to the code and back.
    page.goto(stage.app + "/vault/x?tab=2")
    expect(page.get_by_label("Signing in as")).to_have_value("ada")
    expect(page.get_by_label("Password")).to_have_count(0)
    type_code(page, app.code())
    expect(page).to_have_url(stage.app + "/vault/x?tab=2")
    # The other host needs no second code.
    page.goto(stage.app2 + "/vault/y")
    expect(page).to_have_url(stage.app2 + "/vault/y")
    # The account says how this login was proven.
    page.goto(stage.auth + "/account/security")
    expect(page.locator("#proven")).to_have_text("password and authenticator app")
    expect(page.locator("#score")).to_have_text(re.compile(r"[0-9]+ of 100"))
    page.goto(stage.auth + "/account")
    expect(page.locator(".devices li").first).to_contain_text("password and authenticator app")

    # Logged out, the password leads to the code and nowhere else.
    page.goto(stage.app + "/")
    page.get_by_role("button", name="Log out everywhere").click()
    expect(page.get_by_role("heading")).to_contain_text("signed out")
    page.go_back(wait_until="commit")
    expect(page.locator("#secret")).to_have_count(0)
    sign_in(page, stage, stage.app + "/vault/z")
    expect(page.get_by_label("Signing in as")).to_have_value("ada")
    type_code(page, "000000")
    expect(page.get_by_role("alert")).to_contain_text("isn't right")
    page.reload()
    type_code(page, recovery)
    expect(page).to_have_url(stage.app + "/vault/z")

    page.goto(stage.auth + "/account/security")
    expect(page.locator("#left")).to_have_text("9")
    page.goto(stage.app2 + "/vault/y")
    expect(page).to_have_url(stage.app2 + "/vault/y")
