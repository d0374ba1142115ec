"""A person whom an app sends: signs in, says yes or no, and is back at the app."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.exhaustive import sampled
from tests.journeys.apps import address, asked
from tests.staging import Stage

ALLOW, DENY = "#consent-allow", "#consent-deny"


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def page(scripts: bool, chromium: Browser, stage: Stage) -> Iterator[Page]:
    assert stage.demo.process.poll() is None
    context = chromium.new_context(ignore_https_errors=True, java_script_enabled=scripts)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def sign_in(page: Page, stage: Stage) -> None:
    page.get_by_label("User name or e-mail").fill("ada")
    page.get_by_label("Password", exact=True).fill(stage.summary["password"])
    page.locator("#sign-in").click()
    expect(page.locator(ALLOW)).to_be_visible()


def choose_account(page: Page, stage: Stage, **changed: str) -> None:
    """The account page, for ada who has signed in before the app asks."""
    page.goto(f"{stage.auth}/login")
    page.get_by_label("User name or e-mail").fill("ada")
    page.get_by_label("Password", exact=True).fill(stage.summary["password"])
    page.locator("#sign-in").click()
    page.wait_for_url(f"{stage.auth}/account")
    time.sleep(1.1)  # a login of the second in which the app asks is a choice
    page.goto(address(stage, prompt="select_account consent", **changed))
    expect(page.get_by_role("heading")).to_have_text("Choose an account")


def answer_at(page: Page, url: str) -> dict[str, str]:
    """What the app has got in its address."""
    page.wait_for_url(lambda at: at.startswith(url))
    return dict(parse_qsl(urlsplit(page.url).query))


@pytest.mark.parametrize(("button", "told"), [(ALLOW, "code"), (DENY, "error")])
def test_a_yes_and_a_no_bring_the_person_back(page: Page, stage: Stage, button: str, told: str) -> None:
    page.goto(address(stage, prompt="consent"))
    sign_in(page, stage)

    page.locator(button).click()

    answer = answer_at(page, stage.summary["redirect_uri"])
    assert sorted(answer) in (sorted([told, "iss", "state"]), sorted([told, "error_description", "iss", "state"]))
    assert answer["state"] == "s t&te"


def test_a_person_goes_on_with_the_account_or_takes_another(page: Page, stage: Stage) -> None:
    choose_account(page, stage)
    page.locator("#account-another").click()
    expect(page.get_by_label("User name or e-mail")).to_have_value("")
    page.go_back(wait_until="commit")
    page.locator("#account-continue").click()
    expect(page.locator(ALLOW)).to_be_visible()
    page.reload()

    page.locator(ALLOW).click()

    assert "code" in answer_at(page, stage.summary["redirect_uri"])


def test_another_account_leads_to_the_app_too(page: Page, stage: Stage) -> None:
    choose_account(page, stage)
    page.locator("#account-another").click()
    expect(page.locator("#sign-in")).to_be_visible()
    page.reload()
    sign_in(page, stage)

    page.locator(ALLOW).click()

    assert "code" in answer_at(page, stage.summary["redirect_uri"])


@pytest.mark.parametrize("button", [ALLOW, DENY])
def test_an_answer_as_a_form_reaches_the_app(page: Page, stage: Stage, scripts: bool, button: str) -> None:
    """By itself with script, by its button without."""
    page.goto(address(stage, prompt="consent", response_mode="form_post"))
    sign_in(page, stage)

    with page.expect_request(lambda request: request.url == stage.summary["redirect_uri"]) as sent:
        page.locator(button).click()
        if not scripts:
            page.locator("#to-app").click()

    assert sent.value.method == "POST"
    fields = dict(parse_qsl(sent.value.post_data or ""))
    assert fields["iss"] == stage.auth
    assert ("code" in fields) is (button == ALLOW)


@pytest.mark.parametrize("button", [ALLOW, DENY])
def test_a_loopback_app_gets_its_answer(page: Page, stage: Stage, button: str) -> None:
    """Chromium stops a form's redirect that form-action doesn't name (O10)."""
    with loopback() as (port, got):
        uri = f"http://127.0.0.1:{port}/cb"
        page.goto(address(stage, client_id="cli", redirect_uri=uri, scope="openid"))
        sign_in(page, stage)
        expect(page.get_by_text("An app on this device asks")).to_be_visible()

        page.locator(button).click()

        answer_at(page, uri)
        assert ("code=" in got[0]) is (button == ALLOW)


def test_a_form_from_another_site_shows_no_login_to_who_is_signed_in(context: BrowserContext, stage: Stage) -> None:
    """The POST brings no cookie, and the GET that follows does (O11)."""
    page = context.new_page()
    page.goto(address(stage, prompt="consent"))
    sign_in(page, stage)
    page.locator(ALLOW).click()
    answer_at(page, stage.summary["redirect_uri"])
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in _escaped(stage).items())
    page.goto("data:text/html," + _quoted(f"<form method=post action={stage.auth}/oauth2/authorize>{fields}</form>"))

    page.evaluate("document.forms[0].submit()")

    expect(page.locator(ALLOW)).to_be_visible()


def _escaped(stage: Stage) -> dict[str, str]:
    return {name: value.replace("&", "&amp;") for name, value in asked(stage, prompt="consent").items()}


def _quoted(text: str) -> str:
    return urlencode({"": text}).removeprefix("=").replace("+", "%20")


def test_back_reload_and_a_second_tab_end_at_the_app(context: BrowserContext, stage: Stage) -> None:
    page = context.new_page()
    page.goto(address(stage, prompt="login consent"))
    page.reload()
    other = context.new_page()
    other.goto(page.url)
    sign_in(page, stage)
    page.reload()
    expect(page.locator(ALLOW)).to_be_visible()
    other.reload()
    expect(other.locator(ALLOW)).to_be_visible()
    page.locator(ALLOW).click()
    first = answer_at(page, stage.summary["redirect_uri"])

    page.go_back(wait_until="commit")
    expect(page.locator(ALLOW)).to_be_visible()
    page.locator(ALLOW).click()
    second = answer_at(page, stage.summary["redirect_uri"])
    other.locator(DENY).click()

    assert first["code"] != second["code"]
    assert answer_at(other, stage.summary["redirect_uri"])["error"] == "access_denied"


@pytest.mark.parametrize("scheme", sampled(["dark", "light"], 1))
def test_the_consent_page_fits_a_narrow_screen(chromium: Browser, stage: Stage, scheme: str) -> None:
    context = chromium.new_context(
        ignore_https_errors=True,
        viewport={"width": 360, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(address(stage, prompt="consent", scope="openid profile email groups offline_access notes.read"))
    sign_in(page, stage)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in (ALLOW, DENY):
        expect(page.locator(button)).to_be_in_viewport()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "consent-deny"
    context.close()


@pytest.mark.parametrize("scheme", sampled(["dark", "light"], 1))
def test_the_account_page_fits_a_narrow_screen(chromium: Browser, stage: Stage, scheme: str) -> None:
    context = chromium.new_context(
        ignore_https_errors=True,
        viewport={"width": 360, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    choose_account(page, stage)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in ("#account-continue", "#account-another"):
        expect(page.locator(button)).to_be_in_viewport()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "account-continue"
    context.close()


@contextmanager
def loopback() -> Iterator[tuple[int, list[str]]]:
    """An app on the person's device: its port, and the paths that it was asked for."""
    got: list[str] = []

    class App(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/cb"):
                got.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"You may close this window.")

        def log_message(self, *_what: object) -> None:
            """Nothing is written."""

    server = HTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, got
    server.shutdown()
    server.server_close()
