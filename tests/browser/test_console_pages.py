"""The pages of the console and of the account in a real browser: axe, phones, live pages, and text of others on them.

axe finds no picture that is out of place: with SCREENSHOTS=DIRECTORY each page is kept there, to be looked at.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.exhaustive import EXHAUSTIVE
from tests.journeys.test_console import FORM, Desk, bastion, entered, posted
from tests.journeys.test_console_decisions import found, refused
from tests.journeys.test_console_sessions import token_of
from tests.staging import NAVIGATION, Stage

VIEWS: Final = [(width, scheme) for width, scheme in zip((1280, 390, 320) * 2, ("light", "dark") * 3, strict=True)]
_AXE_CORE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text()
_AXE: Final = """() => axe.run({resultTypes: ['violations']}).then(
    ran => ran.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html.slice(0, 200)).join(' | ')}`))"""
_WIDER: Final = "document.documentElement.scrollWidth - innerWidth"
EVIL: Final = '"><b data-live=1 hx-post=/admin/x onload=alert(1)>'
HIDDEN: Final = "\u202e\u200b"


@dataclass
class Seat:
    """An owner's browsers, with one page for each view."""

    desk: Desk
    pages: dict[tuple[int, str], Page]
    said: list[str]

    def page(self, view: tuple[int, str]) -> Page:
        return self.pages[view]


@pytest.fixture(scope="module")
def owner(running_stage: Stage) -> Desk:
    return entered(running_stage, "olivia")


def opened(chromium: Browser, desk: Desk, width: int, scheme: str, *, scripts: bool = True) -> BrowserContext:
    """A browser with the cookies of the desk."""
    context = chromium.new_context(
        ignore_https_errors=True,
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=scripts,
    )
    context.set_default_timeout(20_000)
    host = desk.stage.auth.split("://")[1].split(":")[0]
    context.add_cookies(
        [
            {"name": name, "value": value, "url": desk.stage.auth, "secure": True}
            for name, value in desk.visitor.jar[host].items()
        ]
    )
    return context


@pytest.fixture(scope="module")
def seat(chromium: Browser, owner: Desk) -> Iterator[Seat]:
    said, pages, contexts = list[str](), dict[tuple[int, str], Page](), []
    for view in VIEWS:
        context = opened(chromium, owner, *view)
        pages[view] = context.new_page()
        pages[view].on("console", lambda told: said.append(told.text))
        pages[view].on("pageerror", lambda told: said.append(str(told)))
        contexts.append(context)
    yield Seat(owner, pages, said)
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def evil(owner: Desk) -> str:
    """What others write into the console: a name, a user agent, a path, a reason. The reference of the path."""
    desk, stage = owner, owner.stage
    add = ("user", "add", "mallory", "--name", EVIL, "--password-stdin", "--if-absent")
    bastion(stage, *add, stdin="correct horse battery")
    visitor = stage.visitor()
    page = visitor.visit(stage.app + "/")
    hidden = {name: page.field(name) for name in ("csrf", "j", "i")}
    body = urlencode({**hidden, "name": "mallory", "password": "correct horse battery"})
    headers = {**FORM, "Origin": stage.auth, "User-Agent": EVIL}
    assert visitor.send("POST", f"{stage.auth}/login", headers, body).status == 303
    person = desk.find("mallory")
    token = token_of(desk)
    for groups in ("staff", "staff guests"):
        changed = posted(desk, f"/admin{person}/groups", {"csrf": token, "groups": groups, "reason": quote(EVIL)})
        assert changed.status == 303, changed.text
    denied = stage.signed_in().send("GET", f"{stage.app}/admin/{quote(EVIL + HIDDEN)}", NAVIGATION)
    assert denied.status == 403
    reference = str(denied.headers["X-Request-Id"])
    assert found(desk, reference) == f"/decisions/{reference}"
    return reference


def addresses_of(desk: Desk, reference: str) -> Sequence[str]:
    """Of each kind of page one."""
    person = f"/admin{desk.find('mallory')}"
    token = token_of(desk)
    chosen = posted(desk, "/admin/sessions/end", {"csrf": token, "what": "filter", "person": "mallory"})
    of_console = ["", "/people", "/people/new", "/sessions", "/decisions", "/decisions?over=1h",
                  f"/decisions/{reference}", "/decisions/00000000-0000", "/policy", "/policy/try",
                  "/policy/source/demo.yaml", "/limits", "/limits/AUTH.LOGIN", "/audit", "/fleet", "/emergency",
                  "/emergency/close", "/emergency/end-sessions"]  # fmt: skip
    of_person = ["", "/end-sessions", "/groups", "/rename", "/role"]
    of_account = ["", "/activity", "/security", "/password", "/keys", "/apps", "/privacy"]
    return [
        *(f"/admin{one}" for one in of_console),
        *(person + one for one in of_person),
        chosen.headers["Location"],
        *(f"/account{one}" for one in of_account),
    ]


def test_axe_finds_nothing_and_nothing_scrolls_sideways(stage: Stage, seat: Seat, evil: str) -> None:
    """Each page once in turn of width and colours, all with EXHAUSTIVE."""
    wrong = dict[tuple[str, int, str], object]()
    for number, path in enumerate(addresses_of(seat.desk, evil)):
        for view in VIEWS if EXHAUSTIVE else [VIEWS[number % len(VIEWS)]]:
            page = seat.page(view)
            answer = page.goto(stage.auth + path)
            assert answer is not None
            assert (answer.status < 400) or "00000000" in path, (path, answer.status)
            assert page.url == stage.auth + path
            page.evaluate(_AXE_CORE)
            violations, wider = page.evaluate(_AXE), page.evaluate(_WIDER)
            keep(page, path, view)
            if violations or wider > 0:
                wrong[path, *view] = violations, wider

    assert not wrong
    assert not [text for text in seat.said if "Content Security Policy" in text or "TrustedHTML" in text]


def keep(page: Page, path: str, view: tuple[int, str]) -> None:
    directory = os.environ.get("SCREENSHOTS")
    if directory:
        name = re.sub(r"[^A-Za-z0-9]+", "-", path)[:50].strip("-")
        page.screenshot(path=Path(directory) / f"{name}-{view[0]}-{view[1]}.png", full_page=True)


def strips(page: Page) -> dict[str, str]:
    """The number of each outcome."""
    return dict(zip(page.locator(".strip p span:first-child").all_inner_texts(),
                    page.locator(".strip p strong").all_inner_texts(), strict=True))  # fmt: skip


def test_decisions_are_renewed_while_nobody_is_in_them(stage: Stage, seat: Seat) -> None:
    page, asked = seat.page(VIEWS[0]), list[str]()
    page.goto(f"{stage.auth}/admin/decisions")
    page.on("request", lambda sent: asked.append(sent.url))
    expect(page.locator("#live")).to_have_text("Renewed by itself.")
    before = int(strips(page).get("deny", "0"))
    stranger = refused(stage)

    expect(page.locator(f'a[href="/admin/decisions/{stranger}"]')).to_be_visible()

    assert int(strips(page)["deny"]) == before + 1
    page.locator("summary").click()
    expect(page.locator("#live")).to_have_text("Paused while you are in it.")
    number = len(asked)
    page.wait_for_timeout(2_500)
    assert len(asked) == number
    page.get_by_role("heading", name="Decisions", exact=True).click()
    expect(page.locator("#live")).to_have_text("Renewed by itself.")
    expect(page.locator("details")).to_have_attribute("open", "")
    assert {one for one in asked if "/static/" not in one} == {f"{stage.auth}/admin/decisions"}


def test_without_scripts_a_live_page_is_whole(chromium: Browser, stage: Stage, seat: Seat) -> None:
    context = opened(chromium, seat.desk, 390, "light", scripts=False)
    page = context.new_page()
    page.goto(f"{stage.auth}/admin/decisions?over=1h")

    page.get_by_role("link", name="Refresh").click()

    expect(page).to_have_url(f"{stage.auth}/admin/decisions?over=1h")
    expect(page.locator(".strip svg").first).to_be_visible()
    expect(page.locator("#live")).to_be_empty()
    page.locator("summary").click()
    expect(page.get_by_role("columnheader", name="Begin")).to_be_visible()
    context.close()


def test_a_reference_is_copied_by_one_click(stage: Stage, seat: Seat, evil: str) -> None:
    page = seat.page(VIEWS[0])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{stage.auth}/admin/decisions/{evil}")

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == evil


def test_a_large_font_makes_no_page_wider(stage: Stage, seat: Seat) -> None:
    """As people set it in their browser: 32 px in place of 16."""
    page = seat.page(VIEWS[0])
    sizes = page.context.new_cdp_session(page)
    sizes.send("Page.enable")
    sizes.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    wide = {}
    for path, width in (("", 1280), ("/sessions", 640), ("/decisions", 640), ("", 640)):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{stage.auth}/admin{path}")
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
        wide[path, width] = page.evaluate(_WIDER)
        keep(page, f"{path} large", (width, "light"))
    sizes.send("Page.setFontSizes", {"fontSizes": {"standard": 16, "fixed": 13}})
    page.set_viewport_size({"width": 1280, "height": 800})

    assert set(wide.values()) == {0}, wide


def test_what_others_wrote_makes_no_element_and_no_request(stage: Stage, seat: Seat, evil: str) -> None:
    """On live pages too, after they were renewed: the text is there, and a browser does nothing with it."""
    page, asked = seat.page(VIEWS[0]), list[str]()
    person = seat.desk.find("mallory")
    page.on("request", lambda sent: asked.append(f"{sent.method} {sent.url}"))
    seat.said.clear()

    for path in ("/people", person, "/sessions", f"{person}/groups", "/audit", f"/decisions/{evil}"):
        page.goto(f"{stage.auth}/admin{path}")
        assert page.locator("b, [hx-post], [onload]").count() == 0, path
        assert page.locator("[data-live]").count() == 0, path
        assert "onload" in page.content() or path == "/sessions", path  # which names the browser, and quotes none
    for path in ("", "/decisions"):
        page.goto(f"{stage.auth}/admin{path}")
        assert page.locator("b, [hx-post], [onload]").count() == 0, path
    page.evaluate("document.querySelector('[data-live]').replaceChildren()")
    expect(page.locator("[data-live] *").first).to_be_visible()
    assert page.locator("b, [hx-post], [onload]").count() == 0
    assert not [one for one in asked if not one.startswith("GET") or one.endswith("/admin/x")]
    assert not seat.said


def test_a_live_page_ends_with_the_console(stage: Stage, seat: Seat) -> None:
    """Last: leaving ends the console in all browsers of this login."""
    page = seat.page(VIEWS[0])
    page.goto(f"{stage.auth}/admin/decisions")
    expect(page.locator("#live")).to_have_text("Renewed by itself.")
    desk = seat.desk

    left = desk.visitor.submit(desk.get(""), "/admin/leave", csrf=desk.get("").field("csrf"))

    assert left.url == f"{stage.auth}/account"
    expect(page.locator("#live")).to_have_text("Not renewed any more: the console is not open.")
    assert page.locator(".strip").count() > 0, "what was shown stays"
