"""A sibling host of the same domain plants no session, and its pages send nothing in anybody's name (H1, H7)."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import ONE, PASSWORDS, SIBLING, STRANGER, TWO, House
from tests.browser.people import CONNECT, asks_for_login, cookies_of, fill_in, sign_in
from tests.exhaustive import sampled
from tests.staging import Visitor

PLANT = "line => { document.cookie = line }"
POST = "url => fetch(url, {method: 'POST', credentials: 'include', mode: 'no-cors'}).then(() => 1, () => 0)"
FOR_ALL = "Domain=bastion.test; Path=/; Secure"
SPELLINGS = {
    "as it is": "__Host-bastion",
    "U+2000 before": "\u2000__Host-bastion",
    "U+00A0 before": "\u00a0__Host-bastion",
    "U+0085 before": "\u0085__Host-bastion",
    "a form feed before": "\x0c__Host-bastion",
    "a byte order mark before": "\ufeff__Host-bastion",
    "U+2000 after": "__Host-bastion\u2000",
    "another case": "__host-bastion",
    "capitals": "__HOST-BASTION",
    "the other prefix": "__Secure-bastion",
    "the newer prefix": "__Http-bastion",
    "the newest prefix": "__Host-Http-bastion",
    "no prefix": "bastion",
    "a quoted name": '"__Host-bastion"',
    "a dollar": "$__Host-bastion",
    "no name": "=__Host-bastion",
}


def session_of_eve(house: House) -> str:
    """A session that would open the first host."""
    return house.visitor("eve").jar[ONE]["__Host-bastion"]


SOME = sampled(SPELLINGS, 3)


@pytest.mark.parametrize("name", [SPELLINGS[one] for one in SOME], ids=SOME)
def test_a_session_that_a_sibling_plants_is_none_and_is_in_nobodys_way(
    profile: BrowserContext, house: House, name: str
) -> None:
    page = profile.new_page()
    page.goto(house.url(SIBLING, "/"))
    page.evaluate(PLANT, f"{name}={session_of_eve(house)}; {FOR_ALL}")

    page.goto(house.url(ONE, "/mine"))
    asks_for_login(page)
    assert "GET /mine" not in house.app.lines(ONE)

    fill_in(page, "ada")
    expect(page).to_have_url(house.url(ONE, "/mine"))
    expect(page.get_by_role("heading")).to_have_text("Hello ada")


def test_what_a_browser_does_send_of_a_siblings_cookies(profile: BrowserContext, house: House) -> None:
    """So that the tests above plant something: the odd spellings do reach Caddy."""
    page = profile.new_page()
    page.goto(house.url(SIBLING, "/"))
    for name in SPELLINGS.values():
        page.evaluate(PLANT, f"{name}=evil; {FOR_ALL}")
    page.goto(house.url(TWO, "/"))
    names = cookies_of(profile, house, ONE).keys()

    assert {"bastion", "\u2000__Host-bastion", "$__Host-bastion"} <= names
    assert "__Host-bastion" not in names


@pytest.mark.parametrize("name", sampled(["__Host-bastion-way", "\u2000__Host-bastion-way", "__Host-bastion-last"]))
def test_a_sibling_plants_no_other_cookie_of_ours(profile: BrowserContext, house: House, name: str) -> None:
    """With the way cookie of his own journey, an attacker's callback would sign a victim in as him."""
    visitor = Visitor(str(house.caddy.ca_file))
    form = visitor.visit(house.url(ONE, "/hers"))
    fields = {"csrf": form.field("csrf"), "j": form.field("j"), "name": "eve", "password": PASSWORDS["eve"]}
    callback = str(visitor._post(form, "/login", **fields).headers["Location"])
    page = profile.new_page()
    page.goto(house.url(SIBLING, "/"))
    page.evaluate(PLANT, f"{name}={visitor.jar[ONE]['__Host-bastion-way']}; {FOR_ALL}")

    page.goto(callback)

    assert "__Host-bastion" not in cookies_of(profile, house, ONE)
    page.goto(house.url(ONE, "/"))
    asks_for_login(page)


@pytest.mark.parametrize("host", sampled([SIBLING, STRANGER, TWO]))
def test_another_hosts_page_opens_no_websocket(profile: BrowserContext, house: House, host: str) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)
    sign_in_if_needed(page, house, host)

    opened = page.evaluate(CONNECT, house.url(ONE, "/ws").replace("https", "wss"))

    assert opened is False
    assert "GET /ws" not in house.app.lines(ONE)


def sign_in_if_needed(page: Page, house: House, host: str) -> None:
    page.goto(house.url(host, "/"))
    expect(page.get_by_role("heading")).to_contain_text("Hello")


def test_the_hosts_own_page_opens_one(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)

    assert page.evaluate(CONNECT, house.url(ONE, "/ws").replace("https", "wss")) is True
    assert [one.user for one in house.app.reached if one.line == "GET /ws"] == ["ada"]


@pytest.mark.parametrize("origin", [None, "null", "https://one.bastion.test.evil.test"])
def test_a_websocket_that_does_not_say_where_it_comes_from_is_refused(house: House, origin: str | None) -> None:
    """No browser leaves Origin out; who does has the session from somewhere else."""
    visitor = Visitor(str(house.caddy.ca_file))
    visitor.log_in(visitor.visit(house.url(ONE, "/")), "ada", PASSWORDS["ada"])
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        **({} if origin is None else {"Origin": origin}),
    }

    assert visitor.send("GET", house.url(ONE, "/ws"), upgrade).status == 403
    assert "GET /ws" not in house.app.lines(ONE)


@pytest.mark.parametrize("host", sampled([SIBLING, STRANGER, TWO]))
def test_another_hosts_page_posts_nothing(profile: BrowserContext, house: House, host: str) -> None:
    """By script, and by a form that a person was made to send."""
    page = profile.new_page()
    sign_in(page, house, ONE)
    sign_in_if_needed(page, house, host)

    page.evaluate(POST, house.url(ONE, "/by-script"))
    page.evaluate(
        """url => {
            const form = Object.assign(document.createElement('form'), {method: 'post', action: url});
            document.body.append(form);
            form.submit();
        }""",
        house.url(ONE, "/by-form"),
    )
    page.wait_for_url(lambda url: host not in url)

    assert not [line for line in house.app.lines(ONE) if line.startswith("POST")]


def test_the_hosts_own_page_posts(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE)

    page.evaluate(POST, house.url(ONE, "/by-script"))

    assert [one.user for one in house.app.reached if one.line == "POST /by-script"] == ["ada"]
