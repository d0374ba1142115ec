"""Passkeys in a real browser with a virtual authenticator, behind Caddy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from tests.browser.test_browser import sign_in
from tests.second_factors import forget_factors
from tests.staging import Stage, forget_limits


@pytest.fixture
def context(chromium: Browser, stage: Stage) -> Iterator[BrowserContext]:
    """A fresh profile. Nobody has a factor at first."""
    forget_factors(stage)
    forget_limits(stage)
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(20_000)
    yield context
    context.close()
    forget_factors(stage)


class Virtual:
    """An authenticator of the browser. Where present is false, it waits for its person for ever."""

    def __init__(self, page: Page, *, verifies: bool = True) -> None:
        self.devtools: CDPSession = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": verifies,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        added = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.id = added["authenticatorId"]

    def be_present(self, present: bool) -> None:
        self.devtools.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": present})

    def set_count(self, count: int) -> None:
        """As a copy of the authenticator would have it."""
        (passkey,) = self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]
        passkey["signCount"] = count
        self.devtools.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})
        self.devtools.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": passkey})


def enrol(page: Page, stage: Stage, name: str) -> None:
    page.goto(stage.auth + "/account/security")
    page.get_by_label("Name of the new passkey").fill(name)
    page.get_by_role("button", name="Add a passkey").click()


def log_out(page: Page, stage: Stage) -> None:
    page.goto(stage.auth + "/account")
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading")).to_contain_text("signed out")


def test_a_passkey_signs_in_by_button_and_by_autofill(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    authenticator = Virtual(page)
    sign_in(page, stage, stage.app + "/")

    enrol(page, stage, "Laptop")
    expect(page.locator("#codes li")).to_have_count(10)
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    expect(page.locator("#passkeys")).to_contain_text("signs you in")
    # The login has proven a password, and there is a factor now: a change asks for it.
    page.locator("#prove-more").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(stage.auth + "/account/security")
    # The same authenticator is not enrolled twice.
    enrol(page, stage, "Again")
    expect(page.locator("#passkey-said")).to_contain_text("has a passkey of yours already")

    # By button. Nobody touches the authenticator while the page waits for autofill.
    authenticator.be_present(False)
    log_out(page, stage)
    answer = page.goto(stage.app + "/vault/x")
    assert answer is not None
    policy = answer.header_value("content-security-policy")
    assert policy is not None
    assert "script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none';" in policy
    assert "connect-src" not in policy
    button = page.get_by_role("button", name="Use a passkey")
    expect(button).to_be_visible()
    authenticator.be_present(True)
    button.click()
    # Both factors at once: a route that asks for a second one lets this login in.
    expect(page).to_have_url(stage.app + "/vault/x")

    # By autofill: the browser offers it in the field of the name, and the authenticator says yes at once.
    log_out(page, stage)
    page.goto(stage.auth + "/login", wait_until="commit")
    expect(page).to_have_url(stage.auth + "/account")

    # A copy has signed in between: the counter does not rise, and the passkey counts no more.
    log_out(page, stage)
    authenticator.set_count(1)
    page.goto(stage.auth + "/login", wait_until="commit")
    expect(page.locator("#error")).to_contain_text("there may be a copy of it")
    button.click()
    expect(page.locator("#error")).to_contain_text("there may be a copy of it")


def test_a_key_that_verifies_nobody_is_the_step_after_the_password(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    Virtual(page, verifies=False)
    sign_in(page, stage, stage.app + "/")
    enrol(page, stage, "Key ring")
    expect(page.get_by_role("heading", name="Key ring")).to_be_visible()  # the page has been loaded anew
    expect(page.locator("#passkeys")).to_contain_text("second step after your password")
    log_out(page, stage)

    sign_in(page, stage, stage.app + "/vault/x")
    expect(page.get_by_label("Code from your authenticator app")).to_be_visible()  # of the recovery codes
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(stage.app + "/vault/x")

    page.goto(stage.auth + "/account/security")
    page.get_by_label("Name", exact=True).fill("Blue key")
    page.get_by_role("button", name="Rename Key ring").click()
    expect(page.get_by_role("heading", name="Blue key")).to_be_visible()
    page.get_by_role("button", name="Remove Blue key").click()
    expect(page.get_by_role("heading", name="Blue key")).to_have_count(0)
    expect(page.locator("#left")).to_have_count(0)


def test_without_script_the_page_says_what_it_needs(chromium: Browser, stage: Stage) -> None:
    context = chromium.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.auth + "/login")

    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey")).to_have_count(0)
    context.close()
