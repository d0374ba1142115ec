"""A person with a real browser: in, across, and out."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.staging import Stage

CONNECT = """url => new Promise(done => {
    const socket = new WebSocket(url);
    socket.onopen = () => done(1);
    socket.onerror = () => done(0);
})"""
POST = "url => fetch(url, {method: 'POST', credentials: 'include', mode: 'no-cors'}).then(() => 1, () => 0)"


def sign_in(page: Page, stage: Stage, url: str) -> None:
    page.goto(url)
    page.get_by_label("User name or e-mail").fill("ada")
    page.get_by_label("Password", exact=True).fill(stage.summary["password"])
    page.get_by_role("button", name="Sign in").click()


def test_in_across_and_out(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    sign_in(page, stage, stage.app + "/notes?tab=2")
    expect(page).to_have_url(stage.app + "/notes?tab=2")
    expect(page.get_by_role("heading", name="Hello Ada Lovelace")).to_be_visible()
    other = context.new_page()
    other.goto(stage.app2 + "/")
    expect(other.get_by_role("heading", name="Hello Ada Lovelace")).to_be_visible()

    page.get_by_role("button", name="Log out everywhere").click()

    expect(page).to_have_url(stage.auth + "/signed-out")
    expect(page.get_by_role("heading")).to_contain_text("signed out")
    other.reload()
    expect(other.get_by_label("Password", exact=True)).to_be_visible()
    page.goto(stage.app + "/")
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    assert not [error for error in errors if "Content Security Policy" in error]


def test_the_login_works_with_the_keyboard_alone(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    page.goto(stage.app + "/")

    expect(page.get_by_label("User name or e-mail")).to_be_focused()  # by itself; a moment after the page is there
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(stage.summary["password"])
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Hello Ada Lovelace")).to_be_visible()


def test_a_wrong_password_is_announced_and_the_name_is_kept(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    page.goto(stage.app + "/")
    page.get_by_label("User name or e-mail").fill("ada")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_contain_text("don't match")
    expect(page.get_by_label("User name or e-mail")).to_have_value("ada")
    expect(page.get_by_label("Password", exact=True)).to_have_value("")


def test_the_sessions_page_marks_this_device(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    sign_in(page, stage, stage.app + "/")
    page.goto(stage.auth + "/account")

    expect(page.get_by_role("heading", name="This device")).to_have_count(1)
    expect(page.get_by_role("heading", name="This device")).to_contain_text("Chrome")


def test_a_denied_page_says_why_and_offers_another_account(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    sign_in(page, stage, stage.app + "/")
    answer = page.goto(stage.app + "/admin/x")

    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("heading")).to_contain_text("have access")
    page.get_by_role("link", name="Use another account").click()
    expect(page).to_have_url(re.compile(rf"^{re.escape(stage.auth)}/logout\?j="))  # the page that was wanted
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading")).to_contain_text("Sign in")


def test_no_sibling_host_plants_a_cookie(context: BrowserContext, stage: Stage) -> None:
    """The spelling that a lax reader takes for ours (threats.md H1)."""
    page = context.new_page()
    page.goto(stage.app + "/public/x")
    page.evaluate("document.cookie = '\\u2000__Host-bastion=evil; path=/'")
    page.evaluate("document.cookie = '__Host-bastion =evil; path=/'")

    page.goto(stage.app + "/")

    expect(page.get_by_label("Password", exact=True)).to_be_visible()


def test_another_sites_websocket_and_post_are_refused(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    sign_in(page, stage, stage.app + "/")
    expect(page.get_by_role("heading", name="Hello Ada Lovelace")).to_be_visible()
    own = page.evaluate(CONNECT, stage.app.replace("https", "wss") + "/ws")
    page.goto(stage.app2 + "/public")
    page.evaluate(POST, stage.app + "/from-the-sibling")
    sibling = page.evaluate(CONNECT, stage.app.replace("https", "wss") + "/ws")

    assert (own, sibling) == (1, 0)
    assert "POST /from-the-sibling" not in stage.reached()


def test_the_page_behind_is_not_shown_after_logout(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    sign_in(page, stage, stage.app + "/notes")
    expect(page.get_by_role("heading", name="Hello Ada Lovelace")).to_be_visible()
    page.get_by_role("button", name="Log out everywhere").click()
    expect(page).to_have_url(stage.auth + "/signed-out")

    page.goto(stage.app + "/notes")

    expect(page.get_by_label("Password", exact=True)).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_the_login_fits_phones_and_both_schemes(chromium: Browser, stage: Stage, width: int, scheme: str) -> None:
    context = chromium.new_context(
        ignore_https_errors=True,
        viewport={"width": width, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto(stage.app + "/")

    box = page.get_by_role("button", name="Sign in").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["height"] >= 40
    context.close()
