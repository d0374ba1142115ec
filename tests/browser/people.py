"""What people do in a browser, with the house."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import AUTH, PASSWORDS, House

CONNECT = """url => new Promise(done => {
    const socket = new WebSocket(url);
    socket.onopen = () => done(true);
    socket.onerror = () => done(false);
})"""


def fill_in(page: Page, who: str) -> None:
    """The login form, wherever the page has shown it."""
    page.get_by_label("User name or e-mail").fill(who)
    page.get_by_label("Password", exact=True).fill(PASSWORDS[who])
    page.get_by_role("button", name="Sign in").click()


def prove_again(page: Page, who: str) -> None:
    """The page that asks somebody who is signed in for their password: the name is fixed there."""
    expect(page.get_by_label("Signing in as")).to_have_value(who)
    page.get_by_label("Password", exact=True).fill(PASSWORDS[who])
    page.get_by_role("button", name="Go on").click()


def sign_in(page: Page, house: House, host: str, path: str = "/", who: str = "ada") -> None:
    page.goto(house.url(host, path))
    fill_in(page, who)
    expect(page).to_have_url(house.url(host, path))


def sign_out(page: Page, house: House, host: str) -> None:
    page.goto(house.url(host, "/"))
    leave(page, house)


def leave(page: Page, house: House) -> None:
    """By the button of the page, to the end: the browser goes by /.bastion/gone."""
    page.get_by_role("button", name="Log out everywhere").click()
    expect(page).to_have_url(house.url(AUTH, "/signed-out"))
    expect(page.get_by_role("heading")).to_contain_text("signed out")


def cookies_of(context: BrowserContext, house: House, host: str, path: str = "/") -> dict[str, str]:
    """What the browser would send to the host."""
    found = context.cookies(house.url(host, path))
    return {cookie.get("name", ""): cookie.get("value", "") for cookie in found}


def asks_for_login(page: Page) -> None:
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
